package engine_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
)

// errTold is why the runs of these tests end.
var errTold = errors.New("told to stop")

// interruption is a deploy that is told to stop in the midst of something.
type interruption struct {
	files string
	// before is done to the cluster before.
	before func(t *testing.T, c *enginetest.Cluster, s *site, ns string)
	// at is the write, "METHOD resource/name", that is under way when the deploy is told; "" is for the first wait.
	at string
	// want is what becomes of each object, and says what is in the error of the one that was interrupted.
	want []string
	says string
}

var interruptions = map[string]interruption{
	"a write": {
		files: `
-- deployment.yaml --
deployments: [{path: app}]
-- app/maps.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
`,
		at: "PATCH configmaps/a", want: []string{"a applied", "b not tried"}, says: "not tried: told to stop",
	},
	"the wait for a hook": {
		files: `
-- deployment.yaml --
deployments: [{path: app}]
-- app/hook.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: hook, namespace: "{{ args.ns }}", annotations: {kluctl.io/hook: pre-deploy, kluctl.io/is-ready: "false"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
`,
		want: []string{"hook not ready", "b not tried"}, says: "ConfigMap/hook: interrupted while waiting for it to be ready: kluctl.io/is-ready is false: told to stop",
	},
	"the wait for an object": {
		files: `
-- deployment.yaml --
deployments: [{path: app}, {barrier: true}, {path: behind}]
-- app/map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}", annotations: {kluctl.io/wait-readiness: "true", kluctl.io/is-ready: "false"}}
-- behind/map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
`,
		want: []string{"a not ready", "b not tried"}, says: "ConfigMap/a: interrupted while waiting for it to be ready: kluctl.io/is-ready is false: told to stop",
	},
	"the wait for a deletion": {
		files: `
-- deployment.yaml --
deployments: [{path: app, deleteObjects: [{kind: ConfigMap, name: slow, namespace: "{{ args.ns }}"}]}]
-- app/map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: "{{ args.ns }}"}
`,
		before: slowToGo, at: "DELETE configmaps/slow", want: []string{"slow failed", "b not tried"},
		says: "ConfigMap/slow: is deleted; interrupted while waiting for it to be gone: told to stop",
	},
	"the deletion of orphans": {
		files: `
-- deployment.yaml --
deployments: [{path: app}]
-- app/map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: "{{ args.ns }}"}
`,
		before: func(t *testing.T, c *enginetest.Cluster, s *site, ns string) {
			slowToGo(t, c, s, ns)
			c.KubectlInput(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"-b, labels: {kluctl.io/discriminator: "+ns+"}}}", "apply", "--server-side", "--field-manager=kluctl", "-f", "-")
		},
		at: "DELETE namespaces/", want: []string{"a applied", "ns failed", "slow not tried"},
		says: "is deleted; interrupted while waiting for it to be gone: told to stop",
	},
}

// slowToGo makes an object of the target that has a finalizer.
func slowToGo(t *testing.T, c *enginetest.Cluster, _ *site, ns string) {
	t.Helper()
	c.KubectlInput(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: slow, namespace: "+ns+", labels: {kluctl.io/discriminator: "+ns+"}, finalizers: [example.com/slow]}}", "apply", "--server-side", "--field-manager=kluctl", "-f", "-")
	t.Cleanup(func() {
		c.Kubectl(t, "patch", "configmap", "slow", "-n", ns, "-p", `{"metadata":{"finalizers":null}}`)
	})
}

// Whatever a deploy is doing when it is told to stop, it finishes the request that is under way, begins nothing more, tells
// what is done and what is not, keeps that and gives the lock back.
func TestADeployMayBeInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	for name, test := range interruptions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := enginetest.Start(t)
			ns, records := c.Namespace(t), c.Namespace(t)
			s := newSite(t, c.Identity(t).Kubeconfig, test.files+"-- .kluctl.yaml --\ndiscriminator: \"{{ args.ns }}\"\n")
			s.args = map[string]any{"ns": ns}
			if test.before != nil {
				test.before(t, c, s, ns)
			}
			ctx, tell := context.WithCancelCause(t.Context())
			defer tell(nil)
			opts := engine.DeployOptions{Run: run(records), Diff: diff.Options{Prune: true}}
			opts.Apply.Wait.Timeout = 24 * time.Hour
			opts.Apply.Wait.Progress = func(apply.Waiting) { tell(errTold) }
			if method, path, ok := strings.Cut(test.at, " "); ok {
				s.behind(c, func(forward http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == method && r.URL.Query().Get("dryRun") == "" && strings.Contains(r.URL.Path, path) {
							tell(errTold)
							<-ctx.Done()
						}
						forward.ServeHTTP(w, r)
					})
				})
			}
			p, target := s.open()
			set, result, err := engine.Deploy(ctx, p, target, s.cluster, opts)
			if err != nil {
				t.Fatal(err)
			}
			matchesSchema(t, set, result)
			var got []string
			for _, o := range result.Outcomes {
				name := o.Ref.Name
				if o.Ref.IsNamespace() {
					name = "ns"
				}
				got = append(got, name+" "+string(o.Status))
			}
			expect(t, got, test.want)
			contains(t, errorsOf(result), test.says)
			if left, err := s.cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("the locks are %v, %v", left, err)
			}
			kept := s.records(records)
			if len(kept) != 1 || kept[0].Outcome != history.Interrupted {
				t.Errorf("the history is %+v", kept)
			}
			for _, o := range result.Outcomes {
				live, err := s.cluster.Previewer().Get(t.Context(), o.Ref)
				if err != nil {
					t.Fatal(err)
				}
				begun := live != nil
				if o.Op == diff.Delete { // it may be gone by now
					begun = live == nil || live.Text("metadata", "deletionTimestamp") != ""
				}
				if begun != (o.Status != apply.NotTried) {
					t.Errorf("%s is said to be %s, and is %v", o.Ref, o.Status, live)
				}
			}
		})
	}
}

func errorsOf(r *apply.Result) string {
	var out []string
	for _, o := range r.Outcomes {
		if o.Err != nil {
			out = append(out, o.Err.Error())
		}
	}
	return strings.Join(out, "\n")
}

// A deploy that is told to stop while it compares has not begun: nothing is applied, nor kept, and the lock is given back.
func TestTheComparisonOfADeployMayBeInterrupted(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	records := c.Namespace(t)
	ctx, tell := context.WithCancelCause(t.Context())
	defer tell(nil)
	s.behind(c, func(forward http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("dryRun") != "" {
				tell(errTold)
			}
			forward.ServeHTTP(w, r)
		})
	})
	p, target := s.open()
	_, result, err := engine.Deploy(ctx, p, target, s.cluster, engine.DeployOptions{Run: run(records)})
	if result != nil || !errors.Is(err, errTold) || !strings.Contains(err.Error(), "nothing is applied") {
		t.Errorf("got %v, %v", result, err)
	}
	if left, err := s.cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the locks are %v, %v", left, err)
	}
	if kept := s.records(records); len(kept) > 0 {
		t.Errorf("the history is %+v", kept)
	}
}

// Who waits whether the holder of an expired lock is alive may be told to stop, too: nothing is applied, nor kept, and the
// lock is as it was.
func TestTheWatchOfAnExpiredLockMayBeInterrupted(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	records := c.Namespace(t)
	dead := lock.Record{Target: "prod", Discriminator: ns, Holder: "dead", Since: time.Now().Add(-96 * time.Hour), Renewed: time.Now().Add(-72 * time.Hour), Duration: 24 * time.Hour}
	if _, err := s.cluster.Locks(records).Put(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	ctx, tell := context.WithCancelCause(t.Context())
	defer tell(nil)
	s.behind(c, func(forward http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			forward.ServeHTTP(w, r)
			if strings.HasSuffix(r.URL.Path, "/leases/"+dead.Name()) {
				tell(errTold)
			}
		})
	})
	p, target := s.open()
	_, result, err := engine.Deploy(ctx, p, target, s.cluster, engine.DeployOptions{Run: run(records)})
	if result != nil || !errors.Is(err, errTold) {
		t.Errorf("got %v, %v", result, err)
	}
	left, err := s.cluster.Locks(records).Get(t.Context(), dead.Name())
	if err != nil || left == nil || left.Holder != "dead" {
		t.Errorf("the lock is %v, %v", left, err)
	}
	if kept := s.records(records); len(kept) > 0 {
		t.Errorf("the history is %+v", kept)
	}
}
