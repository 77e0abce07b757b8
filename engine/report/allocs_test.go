//go:build !race

package report

import "testing"

// How often memory is allocated for a change does not depend on the machine; see the bounds of rendering. A bound is a tenth above
// what was measured when it was written; who has a reason to exceed it raises it.
func TestReportingAChangeAllocatesNoMoreThan(t *testing.T) {
	const changes = 200
	previews := large(1000 * changes)
	for _, c := range []struct {
		name   string
		most   float64
		report func()
	}{
		{"pages of changed objects", 270, func() { previews["objects"].Pages(63000, 63000, 50) }},
		{"pages of new objects", 355, func() { previews["creations"].Pages(63000, 63000, 50) }},
		{"text of changed objects", 248, func() { Text(previews["objects"].Targets[0].Set, nil) }},
		{"text of new objects", 3, func() { Text(previews["creations"].Targets[0].Set, nil) }},
		{"a document", 6, func() { NewDocument(previews["objects"].Targets[0].Set, nil) }},
	} {
		if each := testing.AllocsPerRun(3, c.report) / changes; each > c.most {
			t.Errorf("%s: %.0f allocations for each, at most %.0f were expected", c.name, each, c.most)
		}
	}
}
