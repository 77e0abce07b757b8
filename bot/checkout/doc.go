// Package checkout finds, merges and writes out commits: it answers "which files would the base branch hold once this
// head is merged?" and puts them into a plain directory that the renderer can read.
//
// # How
//
// Everything is done by the git program (2.38 or newer, for merge-tree --write-tree) in a scratch repository of the
// package's own, which borrows the objects of an existing clone. The clone may be a shallow one, as continuous
// integration makes them; nothing in it is changed: not its work tree, index, branches or shallow file. What is missing
// is fetched into the scratch repository from the clone's remote, by commit, without the file contents where the server
// can leave them out, and only as deep as the merge base needs.
//
// A bot that has no clone opens repositories by a [Cache], which keeps a bare mirror of each beside its scratch repositories.
//
// # What is trusted
//
// The content of commits comes from strangers. Therefore:
//
//   - Git's own checkout is never used. File contents are read as stored and written by this package, so no attribute
//     in a tree can start a filter, convert, ignore or substitute anything. A file kept in Git LFS is its pointer.
//   - Paths that no work tree should hold (".git", "..") and symbolic links that lead out of the tree are errors.
//     A submodule is an empty directory.
//   - The number of files and of bytes is limited.
//
// The configuration of the machine, the user and the clone belongs to the operator, but only what reaching the remote
// needs is taken from it (credentials, proxies, certificates, the ssh command). Hooks, filters, merge drivers, file system
// monitors and replaced objects do not exist for this package. Remotes are reached by https, http or ssh; git never asks
// for a password. Secrets are passed to git in its environment, never in its arguments, and are cut out of its messages.
package checkout
