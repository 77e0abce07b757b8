package report

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/diff"
)

// Excerpt words what changes on the objects that pick picks, in at most max characters: those that do not fit are counted.
func Excerpt(set *diff.ChangeSet, pick func(*diff.Change) bool, detail Detail, max int) string {
	left := func(list []*diff.Change) []*diff.Change {
		return slices.DeleteFunc(slices.Clone(list), func(c *diff.Change) bool { return !pick(c) })
	}
	var picked []diff.Item
	for _, s := range set.Stages {
		for _, i := range s.Items {
			picked = append(picked, diff.Item{Changes: left(i.Changes)})
		}
	}
	of := &diff.ChangeSet{Target: set.Target, Stages: []diff.Stage{{Items: picked}}, Orphans: left(set.Orphans)}
	var b body
	more, free := 0, max
	for _, p := range (TargetPreview{Set: of}).parts(detail) {
		text := b.before(p) + p.text
		if size(text)+size(p.section.shut) > free {
			more++
			continue
		}
		free -= size(text)
		b.add(p)
	}
	if more > 0 {
		return b.whole() + fmt.Sprintf("\n… and %d more.\n", more)
	}
	return b.whole()
}
