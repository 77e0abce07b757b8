package main

// slack is memory that is never touched, so it takes none, but that counts as live. The garbage collector waits until what is in
// use has grown by as much as is live: with slack a small run ends before there is much to collect, and in a large one it weighs
// little. A comparison of 2,000 objects takes a quarter less processor time so. Who sets GOGC knows better, and gets none; nor does
// the process that compares what strangers wrote, whose memory is limited.
func slack(args []string, getenv func(string) string) []byte {
	if getenv("GOGC") != "" || len(args) > 0 && args[0] == compareOffline {
		return nil
	}
	return make([]byte, 40<<20)
}
