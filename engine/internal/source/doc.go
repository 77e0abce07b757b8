// Package source fetches what a deployment project names outside of itself: trees of files from git repositories and from
// OCI artifacts, for includes and variable sources, and packaged charts from chart repositories and registries. It answers "which commit, or which digest, is that now?" and "where
// are its files?", and keeps both in a [Cache] on disk.
//
// # A cache is one run's view
//
// A [Cache] value belongs to one run: it asks a remote for its refs once and then sticks to the answer, so that two
// includes of one branch cannot see two commits. What outlives the run is the directory. It may be used by several
// processes at once and survives their being killed:
//
//   - Each remote has a directory of its own, locked while it is written to.
//   - A mirror holds single commits, without their history. It is marked while git writes to it. Whoever finds the mark
//     of a dead process throws the mirror away and fetches again; so does who finds a mirror damaged.
//   - Trees are written beside and then renamed to the id of their content, so that one commit, or one that changed
//     nothing, is written once and a tree that is there is whole. Charts stay the archives that they are, by their digest,
//     which is checked whenever one is read.
//
// A directory is one domain of trust: whoever may use it may read what any of its users fetched.
//
// # What is trusted
//
// The operator's configuration of git and of Docker is: credentials, proxies, certificates, the ssh command and rewritten
// addresses apply. Hooks, filters, attributes and all else that could run a program on content do not exist for this
// package, and git's own checkout is never used: submodules are empty directories, a file in Git LFS is its pointer.
//
// The content of trees is not: paths that no work tree should hold, links that lead out, and names that a file system
// which ignores case would mix up with a link, are errors. Size and number of files are limited.
//
// Secrets reach git by its environment only, and are cut out of all that it says.
package source
