package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
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
	// remedy ends the text, where there is one that holds for all of them.
	remedy string
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
		cause, remedy := "", ""
		switch {
		case errors.As(f.err, &forbidden):
			cause, remedy = forbidden.Error(), "; weighlock rbac suggest prints the rights that the target needs"
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
		out = append(out, failureGroup{refs: []object.Ref{f.ref}, err: errors.New(cause), remedy: remedy})
	}
	return out
}

// message is the group for a document. One that stands for several objects names them itself.
func (g failureGroup) message() DocumentMessage {
	if len(g.refs) == 1 {
		return DocumentMessage{Ref: &g.refs[0], Message: g.text()}
	}
	return DocumentMessage{Message: g.text()}
}

// text words the cause and the objects that share it.
func (g failureGroup) text() string {
	if len(g.refs) == 1 {
		return g.err.Error() + g.remedy
	}
	names := make([]string, len(g.refs))
	for i, r := range g.refs {
		names[i] = r.String()
	}
	return fmt.Sprintf("%v: %s: %s", g.err, count(len(g.refs), "object", "objects"), strings.Join(names, ", ")) + g.remedy
}

// failed are the errors of the outcomes of a status, those that share a cause together.
func failed(set *diff.ChangeSet, result *apply.Result, of ...apply.Status) []DocumentMessage {
	var list []failure
	for _, o := range result.Outcomes {
		if o.Err != nil && slices.Contains(of, o.Status) {
			list = append(list, failure{o.Ref, o.Err})
		}
	}
	var out []DocumentMessage
	for _, g := range together(grouped(list)) {
		out = append(out, g.message())
	}
	return out
}

// togetherFrom is from how many objects on those that have the same error are told in one line.
const togetherFrom = 6

// together joins failures of many objects that have the same error, such as that nothing was begun after an interruption.
func together(groups []failureGroup) []failureGroup {
	byText := map[string][]object.Ref{}
	for _, g := range groups {
		byText[g.err.Error()] = append(byText[g.err.Error()], g.refs...)
	}
	var out []failureGroup
	told := map[string]bool{}
	for _, g := range groups {
		text := g.err.Error()
		if len(byText[text]) < togetherFrom {
			out = append(out, g)
		} else if !told[text] {
			told[text] = true
			out = append(out, failureGroup{refs: byText[text], err: g.err})
		}
	}
	return out
}
