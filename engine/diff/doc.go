// Package diff says what an apply would do to a cluster, without doing it.
//
// [Diff] takes rendered objects and asks the API server, through a [Previewer], what a server-side apply of each would
// give (a dry run). The differences between the live objects and those answers are the [ChangeSet]: what a reviewer
// sees and, with the same values, what package apply later carries out. A ChangeSet has a digest over exactly that, so
// that what is applied can be bound to what was reviewed.
//
// A Previewer has no method that writes: a preview cannot change a cluster by construction.
//
// Secret values are masked before anything leaves this package: field values, objects, and texts that the API server
// quotes them in. Only [Change.Desired], which apply needs, still holds them; it is never printed.
package diff
