// Package lock lets one deploy at a time work on a target, whoever starts it: a person at a terminal, a CI job or the bot.
//
// The lock is a Lease in the target's own cluster, so that all who can deploy there see the same one. A run renews its
// Lease while it works and gives it back when it is done; when the run dies, the Lease expires and the next run takes it
// over. A person may also hold a target: such a [Record] has no end and keeps everybody else's runs out until it is
// given up.
package lock
