package jinja

import (
	"slices"
	"strings"
)

// maxNear is how many similar names an error proposes.
const maxNear = 3

// near returns the names that differ from name by a slip of the keyboard, the
// most similar first.
func near(name string, names []string) []string {
	type scored struct {
		name string
		dist int
	}
	var found []scored
	limit := max(1, len(name)/3)
	if len(name) == 1 { // every other name of one letter is as near
		limit = 0
	}
	lower := strings.ToLower(name)
	for _, n := range names {
		if n == name || n == "" {
			continue
		}
		d := distance(lower, strings.ToLower(n), limit)
		if d <= limit {
			found = append(found, scored{n, d})
		}
	}
	slices.SortFunc(found, func(a, b scored) int {
		if a.dist != b.dist {
			return a.dist - b.dist
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, f := range found {
		if len(out) < maxNear && !slices.Contains(out, f.name) {
			out = append(out, f.name)
		}
	}
	return out
}

// distance is the number of edits from a to b; more than limit may be any
// number above it.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit || len(a) > 100 {
		return limit + 1
	}
	prev := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
		}
		prev, row = row, prev
	}
	return prev[len(b)]
}
