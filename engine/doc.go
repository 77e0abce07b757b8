// Package engine is the short way through the pipeline of deploying:
//
//	project.Open → Resolve → render.Render → diff.Diff → apply.Apply
//
// Data moves one way: each stage takes a value and returns one. Callers that need only some of the stages, or their
// values, use the packages below directly; each one's documentation is its design.
//
// The engine knows no forge, no HTTP server and no environment: which project, which cluster and which options is told
// by the caller. It never reads the clock. Rendering and comparing cannot write: they get interfaces that have no
// method for it.
package engine
