package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
)

// What others change between the reading of an object and its dry run is no change of ours.
func TestWhatMovesDuringAComparisonIsNotShown(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	var moves, left atomic.Int64
	move := func(name string) {
		n := moves.Add(1)
		c.Kubectl(t, "patch", "configmap", name, "-n", ns, "--type=merge", "-p",
			fmt.Sprintf(`{"metadata":{"annotations":{"example.com/moved":"%d"}},"data":{"theirs":"%d"}}`, n, n))
	}
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if _, name, ok := strings.Cut(r.URL.Path, "/namespaces/"+ns+"/configmaps/"); ok && r.Method == http.MethodPatch && left.Add(-1) >= 0 {
			move(name)
		}
		return false
	})
	left.Store(2)
	for ch := range s.diff(diff.Options{AskAll: true}).All() { // else nothing would be asked, as nothing changes
		if ch.Op != diff.Unchanged {
			t.Errorf("%s: %s %v %v", ch.Ref, ch.Op, paths(ch), ch.Err)
		}
	}
	if moves.Load() != 2 {
		t.Fatalf("%d objects moved, want 2", moves.Load())
	}

	s.write("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\"}\ndata: {key: changed, keep: same}\n")
	left.Store(2)
	expect(t, paths(find(t, s.diff(diff.Options{}), "a")), []string{"update data.key"})

	// One that never stands still ends all the same.
	left.Store(1 << 30)
	if got := find(t, s.diff(diff.Options{}), "a"); got.Op != diff.Update {
		t.Errorf("%s %v", got.Op, got.Err)
	}
}
