// Package apply carries out a change set: the only place of the engine that writes to a cluster, through an [Applier].
//
// [Apply] goes stage by stage, as barriers divide them. Inside a stage Namespaces and CustomResourceDefinitions go
// first, then the items in parallel, each one's objects in order. Objects that do not change are not written at all. A
// failure is a value in the [Result]: it says of each object what happened to it, so that a partial result is as clear
// as a whole one.
package apply
