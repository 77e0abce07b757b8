package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine"
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

// An object that moves from one target to another is an orphan of the first when it is compared. Once the other one has taken it over,
// it is not deleted any more, be it between the comparison and the deletion or while that is under way.
func TestWhatAnotherTargetHasTakenOverIsNotPruned(t *testing.T) {
	t.Parallel()
	for _, during := range []string{"before the deletion", "during the deletion"} {
		t.Run(during, func(t *testing.T) {
			t.Parallel()
			c, s, ns := plainSite(t)
			s.deployed()
			taken := func() {
				c.Kubectl(t, "label", "configmap", "b", "-n", ns, "--overwrite", "kluctl.io/discriminator=another")
			}
			s.write("-- app/b.yaml --\n")
			opts := engine.DeployOptions{Diff: diff.Options{Prune: true}}
			if during == "before the deletion" {
				opts.Approve = func(context.Context, *diff.ChangeSet) error { taken(); return nil }
			} else {
				var deleting atomic.Bool
				s.throughProxy(c, func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/configmaps/b") && !deleting.Swap(true) {
						taken()
					}
					return false
				})
			}
			_, result := s.deploy(opts)
			if err := result.Err(); err == nil || !strings.Contains(err.Error(), `ConfigMap/b: has become that of another target (discriminator "another")`) {
				t.Errorf("got %v", err)
			}
			if got := c.Kubectl(t, "get", "configmap", "b", "-n", ns, "-o", "name", "--ignore-not-found"); got == "" {
				t.Error("it is gone")
			}
		})
	}
}
