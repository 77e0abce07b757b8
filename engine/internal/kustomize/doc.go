// Package kustomize builds kustomizations in the process, over a file system in memory.
//
// What is not in that file system cannot be read: it is the confinement, so kustomize's own load restrictions are off and
// "../base" works (project format §3.2). It may lie over a tree that is read as it is named: see [Over]. Resources keep the order in which the kustomization lists them, unless it has
// sortOptions. Plugins, functions and Helm inflation are off.
//
// # Kustomize fetches nothing
//
// Kustomize runs git or opens a URL wherever a path may stand. Before a build, every kustomization that it can reach is read,
// and an entry that kustomize could take for a remote one is an error that names the file and the entry. With a [Remote],
// what resources, components and plugins name elsewhere is fetched first and lies in the file system for the build, each tree
// confined to itself.
//
// # Global state
//
// Kustomize keeps the OpenAPI schema in package variables. The built-in one is prepared once, then only read, so builds run in
// parallel. A kustomization with an `openapi` field changes it: such a build runs alone, and the schema is put back.
package kustomize
