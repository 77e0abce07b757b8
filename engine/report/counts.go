package report

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
)

// Counts are the numbers of a change set that people look at first.
type Counts struct {
	New, Changed, Replaced, Deleted, Orphans, Failed, Unchanged int
	// Hooks are those that run.
	Hooks int
	// Kept are those of the project that are not deleted with the rest of its target.
	Kept int
	// Drifted change only where the cluster is not as the base has it; they do not count as changed.
	Drifted int
	// Hidden objects change only in what ignore rules hide.
	Hidden int
}

// Count counts a change set's objects.
func Count(set *diff.ChangeSet) Counts {
	var n Counts
	for c := range set.All() {
		switch c.Op {
		case diff.Create:
			n.New++
		case diff.Update:
			switch {
			case !isShown(c):
				n.Hidden++
			case isDrifted(c):
				n.Drifted++
			default:
				n.Changed++
			}
		case diff.Replace:
			if c.Err != nil {
				n.Failed++
			} else {
				n.Replaced++
			}
		case diff.Delete:
			n.Deleted++
		case diff.Failed:
			n.Failed++
		case diff.Unchanged:
			n.Unchanged++
		case diff.Run:
			n.Hooks++
		case diff.Skip:
			if isLeft(c) {
				n.Orphans++
			} else if isKept(c) {
				n.Kept++
			}
		}
	}
	return n
}

// Changes is how many objects an apply would write or delete.
func (n Counts) Changes() int {
	return n.New + n.Changed + n.Replaced + n.Deleted + n.Drifted + n.Hidden + n.Hooks
}

// String reads like "2 new, 3 changed, 1 deleted", or "no changes".
func (n Counts) String() string { return n.join(func(s string, _ bool) string { return s }) }

// join lists the numbers that are not zero; mark may emphasise those that are dangerous.
func (n Counts) join(mark func(text string, danger bool) string) string {
	var parts []string
	add := func(count int, word string, danger bool) {
		if count > 0 {
			parts = append(parts, mark(fmt.Sprintf("%d %s", count, word), danger))
		}
	}
	add(n.New, "new", false)
	add(n.Changed, "changed", false)
	add(n.Replaced, "replaced", true)
	add(n.Deleted, "deleted", true)
	add(n.Drifted, "drifted", false)
	if len(parts) == 0 && n.Failed == 0 {
		parts = append(parts, "no changes")
	}
	add(n.Failed, "failed", true)
	add(n.Hooks, plural(n.Hooks, "hook runs", "hooks run"), false)
	add(n.Hidden, "hidden by ignore rules", false)
	add(n.Orphans, plural(n.Orphans, "orphan", "orphans"), false)
	add(n.Kept, "kept", false)
	return strings.Join(parts, ", ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// reasons words why the picked changes are what they are, each reason once with how many objects share it.
func reasons(set *diff.ChangeSet, pick func(*diff.Change) bool) []string {
	var order []string
	count, picked := map[string]int{}, 0
	for c := range set.All() {
		if !pick(c) {
			continue
		}
		picked++
		if c.Reason == "" {
			continue
		}
		if count[c.Reason] == 0 {
			order = append(order, c.Reason)
		}
		count[c.Reason]++
	}
	for i, r := range order {
		if picked > 1 {
			order[i] = fmt.Sprintf("%d of %d: %s", count[r], picked, r)
		}
	}
	return order
}
