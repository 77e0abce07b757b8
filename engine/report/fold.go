package report

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// foldFrom is on how many objects the same label must change for it to be told once.
const foldFrom = 3

// A labelChange is the same change of a label on many objects, such as a chart's version.
type labelChange struct {
	label string
	field diff.FieldChange
	refs  []object.Ref
}

// folded are the changes of labels that many objects share, and what is left to tell of each object.
type folded struct {
	labels []labelChange
	fields map[*diff.Change][]diff.FieldChange
}

// fold finds the changes of labels that many objects share.
func fold(set *diff.ChangeSet) folded {
	out := folded{fields: map[*diff.Change][]diff.FieldChange{}}
	at := map[string]int{}
	var all []labelChange
	for c := range set.All() {
		if c.Op != diff.Update {
			continue
		}
		for _, f := range c.Fields {
			key, label, ok := labelKey(f)
			if !ok {
				continue
			}
			i, known := at[key]
			if !known {
				i = len(all)
				at[key] = i
				all = append(all, labelChange{label: label, field: f})
			}
			if !slices.Contains(all[i].refs, c.Ref) {
				all[i].refs = append(all[i].refs, c.Ref)
			}
		}
	}
	many := func(f diff.FieldChange) bool {
		key, _, ok := labelKey(f)
		return ok && len(all[at[key]].refs) >= foldFrom
	}
	for _, l := range all {
		if len(l.refs) >= foldFrom {
			out.labels = append(out.labels, l)
		}
	}
	for c := range set.All() {
		if c.Op == diff.Update {
			out.fields[c] = slices.DeleteFunc(slices.Clone(c.Fields), many)
		}
	}
	return out
}

// labelKey tells whether a field is a label, of the object itself or of what it makes, and what identifies its change.
func labelKey(f diff.FieldChange) (key, label string, ok bool) {
	n := len(f.Path)
	if n < 3 || f.Path[n-2].Field != "labels" || f.Path[n-3].Field != "metadata" || f.Secret {
		return "", "", false
	}
	label = f.Path[n-1].Field
	return fmt.Sprint(f.Op, "\x00", label, "\x00", f.Old, "\x00", f.New, "\x00", f.Cause), label, true
}

// text words a shared change: helm.sh/chart: a-1 → a-2.
func (l labelChange) text() string {
	switch l.field.Op {
	case diff.Insert:
		return fmt.Sprintf("%s: %v (new)", l.label, l.field.New)
	case diff.Remove:
		return fmt.Sprintf("%s: %v (removed)", l.label, l.field.Old)
	}
	return fmt.Sprintf("%s: %v → %v", l.label, l.field.Old, l.field.New)
}

// foldTitle counts shared changes and the objects that they are on.
func (f folded) title() string {
	objects := map[object.ID]bool{}
	for _, l := range f.labels {
		for _, r := range l.refs {
			objects[r.ID()] = true
		}
	}
	return fmt.Sprintf("%d label %s on %d objects", len(f.labels), plural(len(f.labels), "change", "changes"), len(objects))
}
