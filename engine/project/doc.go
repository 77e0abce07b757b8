// Package project loads deployment projects in Kluctl's format: .kluctl.yaml (targets and arguments) and the tree of
// deployment.yaml files with their items and variables.
//
// [Open] reads a [Project]; [Project.Target] picks a destination and its arguments; [Project.Resolve] walks the
// deployment files with that target's variables and returns a [Deployment]: the ordered items that package render turns
// into objects. A directory without any of these files is a project too: a single item.
//
// A project reads only below its source root: the tree is opened as an [os.Root], so that neither "..", an absolute path
// nor a symbolic link leads out of it.
package project
