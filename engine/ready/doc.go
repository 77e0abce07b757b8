// Package ready says from an object's live state whether it is ready, what it still waits for, or that it has failed.
//
// Decisions are pure: an object, the time and the rules in, a [State] out. They are taken in this order (project format
// §12, §13): the object's own annotations; a project's CEL rules for its kind; Jobs and Pods, where success and failure
// mean more than the last observed generation, and load balancers, whose address counts; and last kstatus, the rules that kubectl's and Flux's tools share.
package ready
