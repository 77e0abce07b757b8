// Package actiontest has what a GitHub job meets: a stand-in forge, a git server with the repository, and a runner that
// checks out what GitHub's own would and runs the program as a process. Tests and the demonstration use it.
package actiontest
