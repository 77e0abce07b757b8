// Package helm renders charts in the process, as `helm template` does: without a cluster, a disk, an environment or a network.
//
// A [Chart] is parsed once and rendered many times, from several goroutines if need be. What a chart gives is the same each time,
// as long as its templates do not ask for randomness or the time.
//
// It is made of Helm's own parts, below its install action: the loader, the dependency processing, the template engine and the
// sorting of manifests. Where Helm would reach out (a JSON schema at an http address, a DNS lookup), it is not allowed to.
package helm
