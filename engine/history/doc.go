// Package history keeps what became of the runs that wrote to a target: a [Record] holds the result as it was printed,
// masked, and who ran what, when and from which commit.
//
// Records are kept in the target's own cluster, so that all who deploy there find them; [Store] is what a cluster offers
// for it. The newest few of each target are kept. A record that is too large for its place is shortened, and says so.
package history
