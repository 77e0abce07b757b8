// Package offline compares what a stranger would make of a repository with what it is, before anybody has looked at the change:
// both are rendered and compared in a process of its own, which has neither credentials nor a network, reads two directories and
// writes its answer. What makes that process run wild ends it, and nothing else.
package offline
