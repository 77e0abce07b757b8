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

// fold finds, among the fields that pick picks, the changes of labels that many objects share.
func fold(set *diff.ChangeSet, pick func(diff.FieldChange) bool) folded {
	out := folded{fields: map[*diff.Change][]diff.FieldChange{}}
	at := map[string]int{}
	var all []labelChange
	for c := range set.All() {
		if c.Op != diff.Update {
			continue
		}
		for _, f := range c.Fields {
			key, label, ok := labelKey(f)
			if !ok || !pick(f) {
				continue
			}
			i, known := at[key]
			if !known {
				i = len(all)
				at[key] = i
				all = append(all, labelChange{label: label, field: f})
			}
			// The label of an object and of what it makes come one after the other.
			if n := len(all[i].refs); n == 0 || all[i].refs[n-1] != c.Ref {
				all[i].refs = append(all[i].refs, c.Ref)
			}
		}
	}
	told := func(f diff.FieldChange) bool {
		key, _, ok := labelKey(f)
		return !pick(f) || ok && len(all[at[key]].refs) >= foldFrom
	}
	for _, l := range all {
		if len(l.refs) >= foldFrom {
			out.labels = append(out.labels, l)
		}
	}
	for c := range set.All() {
		if c.Op == diff.Update {
			out.fields[c] = slices.DeleteFunc(slices.Clone(c.Fields), told)
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

// left says whether there is something else to tell of an object.
func (f folded) left(c *diff.Change) bool { return len(f.fields[c]) > 0 }

// title counts shared changes and the objects that they are on.
func (f folded) title() string {
	objects := map[object.ID]bool{}
	for _, l := range f.labels {
		for _, r := range l.refs {
			objects[r.ID()] = true
		}
	}
	text := fmt.Sprintf("%s on %s", count(len(f.labels), "label change", "label changes"), count(len(objects), "object", "objects"))
	only := 0
	for c, fields := range f.fields {
		if objects[c.Ref.ID()] && len(fields) == 0 {
			only++
		}
	}
	if only > 0 {
		text += fmt.Sprintf(", %d of which %s in nothing else", only, plural(only, "changes", "change"))
	}
	return text
}
