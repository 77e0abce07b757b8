// Package render turns a project's deployment into Kubernetes objects.
//
// [Render] takes each item's files through templates, Helm and kustomize, all in memory: the file system that kustomize
// sees holds the rendered files, and for a kustomization that is a project by itself what it names below the source root, so
// that nothing can be read around the project's confinement. The result, [Manifests], keeps the order of the deployment
// files: stages that barriers divide, items that may go in parallel, and the objects of an item in kustomize's order, each
// with the file it came from.
//
// Render writes nothing. It asks a cluster only for what a [Reader] offers: which kinds are namespaced, and what the
// server is able to do.
package render
