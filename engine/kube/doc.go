// Package kube is the cluster: it implements the small interfaces that the stages of the engine ask for, and is the only
// importer of client-go.
//
// [Open] connects to one context of a kubeconfig. What a stage may do with it is a type of its own: [Cluster.Reader] for
// rendering, [Cluster.Previewer] for comparing, which sends nothing but reads and dry runs, and [Cluster.Applier] for
// writing.
package kube
