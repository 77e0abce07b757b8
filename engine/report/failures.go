package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// A failure is an error about one object.
type failure struct {
	ref object.Ref
	err error
}

// A failureGroup are the objects that failed for one cause.
type failureGroup struct {
	refs []object.Ref
	err  error
}

// grouped joins failures whose cause is the same for all objects of a kind, in the order of the first.
func grouped(list []failure) []failureGroup {
	var out []failureGroup
	at := map[string]int{}
	for _, f := range list {
		var forbidden *diff.ForbiddenError
		var noKind *diff.NoKindError
		var nowhere *diff.NoNamespaceError
		var ending *diff.TerminatingError
		cause := ""
		switch {
		case errors.As(f.err, &forbidden):
			cause = forbidden.Error()
		case errors.As(f.err, &nowhere):
			cause = nowhere.Error()
		case errors.As(f.err, &ending):
			cause = ending.Error()
		case errors.As(f.err, &noKind):
			cause = noKind.Cause()
		default:
			out = append(out, failureGroup{refs: []object.Ref{f.ref}, err: f.err})
			continue
		}
		if i, ok := at[cause]; ok {
			out[i].refs = append(out[i].refs, f.ref)
			continue
		}
		at[cause] = len(out)
		out = append(out, failureGroup{refs: []object.Ref{f.ref}, err: errors.New(cause)})
	}
	return out
}

// message is the group for a document. One that stands for several objects names them itself.
func (g failureGroup) message() DocumentMessage {
	if len(g.refs) == 1 {
		return DocumentMessage{Ref: &g.refs[0], Message: g.err.Error()}
	}
	return DocumentMessage{Message: g.text()}
}

// text words the cause and the objects that share it.
func (g failureGroup) text() string {
	if len(g.refs) == 1 {
		return g.err.Error()
	}
	names := make([]string, len(g.refs))
	for i, r := range g.refs {
		names[i] = r.String()
	}
	return fmt.Sprintf("%v: %d objects: %s", g.err, len(g.refs), strings.Join(names, ", "))
}
