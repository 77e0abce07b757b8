package render

import "github.com/weighlock/weighlock/engine/object"

// An Unsettled is a field whose rendered value is not what the author wants to see applied again and again: where the
// object exists and has the field, its live value stays. The comparison does so before it asks the server, and the
// deployment sends the same.
type Unsettled struct {
	Path  object.Path
	Cause Cause
	// Why is for people: one clause, such as "charts/ca renders another value each time".
	Why string
	// Again is, for a volatile text, what a second render gave: what the two have in common is the author's and is
	// applied, and only the rest stays as it is live.
	Again string
}

// A Cause says what kind of value an unsettled field has.
type Cause string

// Volatile values differ each time they are rendered: certificates, random passwords, the time. The rendered value is
// good for an object that does not exist yet, and enters the digest only as being generated.
const Volatile Cause = "volatile"
