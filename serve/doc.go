// Package serve is the door by which webhooks come in: a server that stores what forges deliver, and lets the bot do it, the
// same one that a CI job runs.
//
// A delivery goes from [webhook.Door] to the intake, which asks [bot.CallOf] what it calls for and stores it in the [queue.Store];
// from there a [queue.Runner] hands it to the worker, which makes a [bot.Bot] for it. Between the bot and the forge stands the
// journal, so that what a deploy has done is known when the process that ran it is gone. The reconciler looks for what no delivery
// told. See docs/decisions/0013-nothing-accepted-is-lost.md for what happens at each instant of death.
package serve
