// Package memory lets the garbage collector wait until there is much to collect, from the start of the process on.
//
// It is a package of its own, which imports next to nothing, for the time at which it is initialised: Go takes packages that are
// ready in the order of their paths, so that it comes before those of Kubernetes and Helm make their tables. Collecting while they
// do so was a quarter of the processor time that the process takes to start.
package memory

import "os"

// Limited is the command of the process that compares what strangers wrote, whose memory is limited.
const Limited = "compare-offline"

// Slack is memory that is never touched, so it takes none, but that counts as live. The garbage collector waits until what is in
// use has grown by as much as is live: with slack a small run ends before there is much to collect, and in a large one it weighs
// little. A comparison of 2,000 objects takes a quarter less processor time so. Who sets GOGC knows better, and gets none; nor does
// the limited process.
var Slack = slack(os.Args[1:], os.Getenv("GOGC")) //nolint:forbidigo // what package main does is too late

func slack(args []string, gogc string) []byte {
	if gogc != "" || len(args) > 0 && args[0] == Limited {
		return nil
	}
	return make([]byte, 40<<20)
}
