// Package doctor proves that identities can do in a cluster what is asked of them, and nothing that they must not.
//
// It asks the cluster rather than reading its configuration, and its questions change nothing: what they would write is
// there already, or they are dry runs.
package doctor
