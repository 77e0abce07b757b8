package serve

import (
	"slices"
	"testing"
)

// Of a push it is noted which targets are not deployed, behind why it was given up, if it was.
func TestANoteNamesTheTargetsThatAreNotDeployed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		note, why string
		names     []string
	}{
		{"not deployed: staging, prod", "", []string{"staging", "prod"}},
		{"all tries failed: a cluster does not answer\nnot deployed: prod", "all tries failed: a cluster does not answer\n", []string{"prod"}},
		{"all tries failed: what is\nnot deployed: here\nand there\nnot deployed: prod", "all tries failed: what is\nnot deployed: here\nand there\n", []string{"prod"}},
		{"nothing is not deployed: a", "nothing is not deployed: a", nil},
		{"", "", nil},
	} {
		if why, names := heldOf(c.note); why != c.why || !slices.Equal(names, c.names) {
			t.Errorf("%q: found %q, %q", c.note, why, names)
		}
	}
}
