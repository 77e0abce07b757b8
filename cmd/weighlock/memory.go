package main

import "os"

// slack is memory that is never touched, so it takes none.
var slack []byte

// collectLess has the garbage collector work less in small runs. It waits until what is in use has grown by as much as is
// live, and slack counts as live: a small run ends before there is much to do, and in a large one it weighs little. A comparison
// of 2,000 objects takes a quarter less processor time so. Who sets GOGC knows better.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		slack = make([]byte, 64<<20)
	}
}
