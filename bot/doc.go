// Package bot decides what to do about an event on a forge, and does it: the same code behind a CI job and a webhook.
//
// [Bot.Handle] takes a [forge.Event]. What follows is a line of values: the [Config] of the base branch, the [Plan]
// that event and configuration call for, the [Verdict] of the gates, and for each [Job] a change set or a result. The
// deciding parts (plan.go, policy.go, command.go) are pure and say their reasons. Only publish.go writes to the forge,
// and only the engine, through a cluster's Applier, writes to a cluster.
//
// What decides who may do what is read from the base branch, never from the pull request's head.
package bot
