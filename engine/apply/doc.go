// Package apply carries out a change set: the only place of the engine that writes to a cluster, through an [Applier].
//
// [Apply] goes stage by stage, as barriers divide them. Inside a stage Namespaces and CustomResourceDefinitions go
// first, then the items in parallel. An item deletes what it is to delete, runs its hooks for before, applies its objects
// in order, waits for those that are awaited, and runs its hooks for after. Objects that do not change are not written
// at all. Orphans go last.
//
// A failure is a value in the [Result]: it says of each object what happened to it, so that a partial result is as clear
// as a whole one. It stops what depends on it: the content of a namespace that is not there, the objects of a kind that
// is not defined, what stands behind an object that was to be replaced, the item of a hook that failed before it. All
// else goes on, unless [Options.AbortOnError] is set.
package apply
