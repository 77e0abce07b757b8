package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/report"
)

// run is one of alice's; its locks and results are in a namespace of the test's own.
func run(namespace string) *engine.Run {
	return &engine.Run{Command: "deploy", Commit: "1a2b3c4", Onto: "9f8e7d6", Tree: "5a5a5a5", Holder: "alice@laptop, process 1", Person: "alice@laptop", Namespace: namespace, Now: time.Now}
}

// try deploys and returns what came of it.
func (s *site) try(opts engine.DeployOptions) (*diff.ChangeSet, *apply.Result, error) {
	s.t.Helper()
	p, target := s.open()
	return engine.Deploy(s.t.Context(), p, target, s.cluster, opts)
}

func (s *site) records(namespace string) []history.Entry {
	s.t.Helper()
	entries, err := s.cluster.History(namespace).List(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return entries
}

func TestOneDeployAtATimeWorksOnATarget(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	records := c.Namespace(t)
	var inside error
	first := run(records)
	opts := engine.DeployOptions{Run: first}
	opts.Apply.Progress = func(apply.Outcome) {
		second := run(records)
		second.Holder = "alice@laptop, process 2"
		if inside == nil {
			_, _, inside = s.try(engine.DeployOptions{Run: second})
		}
	}
	opts.Apply.Parallel = 1
	if _, result := s.deploy(opts); result.Err() != nil {
		t.Fatal(result.Err())
	}
	var held *lock.HeldError
	if !errors.As(inside, &held) {
		t.Fatalf("the second deploy during the first: got %v", inside)
	}
	contains(t, inside.Error(), "nothing is applied", "alice@laptop, process 1", "deploy of 1a2b3c4", "expires by itself")
	if left, err := s.cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("after it the locks are %v, %v", left, err)
	}
	got := s.records(records)
	if len(got) != 1 || got[0].Outcome != history.Succeeded || got[0].Commit != "1a2b3c4" || got[0].Onto != "9f8e7d6" || got[0].Tree != "5a5a5a5" || got[0].Person != "alice@laptop" || got[0].Summary != "2 created" {
		t.Errorf("the history is %+v", got)
	}
}

func TestAHoldKeepsOthersOutAndNotItsHolder(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	records := c.Namespace(t)
	claim := lock.Claim{Target: "prod", Discriminator: ns, Person: "bob", Why: "incident 7"}
	if _, err := lock.Hold(t.Context(), s.cluster.Locks(records), claim, time.Now()); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.try(engine.DeployOptions{Run: run(records)})
	var held *lock.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v", err)
	}
	contains(t, err.Error(), "bob", "incident 7", "weighlock unlock")
	bobs := run(records)
	bobs.Holder, bobs.Person = "https://ci/1", "bob"
	if _, result := s.deploy(engine.DeployOptions{Run: bobs}); result.Err() != nil {
		t.Error(result.Err())
	}
}

// Who may do everything but lock and keep results deploys with warnings that name the rights; where a lock is required,
// nothing is written.
func TestWithoutTheRightsForALockItIsAWarningOrARefusal(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	who := c.User(t, ns, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	s.connect(who.Kubeconfig)
	records := c.Namespace(t)

	required := run(records)
	required.LockRequired = true
	audit := c.Audit(t)
	_, _, err := s.try(engine.DeployOptions{Run: required})
	if rights := new(lock.RightsError); !errors.As(err, &rights) {
		t.Fatalf("got %v", err)
	}
	contains(t, err.Error(), "nothing is applied", "leases.coordination.k8s.io in namespace "+records)
	for _, e := range audit.Since(t).By(who) {
		if e.Writes() || e.DryRun {
			t.Errorf("it sent %s", e)
		}
	}
	set, result := s.deploy(engine.DeployOptions{Run: run(records)})
	if result.Err() != nil {
		t.Fatal(result.Err())
	}
	warnings := strings.Join(set.Warnings, "\n")
	contains(t, warnings, "not locked", "leases.coordination.k8s.io in namespace "+records, "not in the history", "create secrets in namespace "+records)
}

func TestWithoutADiscriminatorThereIsNoLockAndAWarning(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	if err := os.Remove(s.dir + "/.kluctl.yaml"); err != nil {
		t.Fatal(err)
	}
	records := c.Namespace(t)
	set, result := s.deploy(engine.DeployOptions{Run: run(records)})
	if result.Err() != nil {
		t.Fatal(result.Err())
	}
	contains(t, strings.Join(set.Warnings, "\n"), "cannot be locked", "--discriminator")
	if got := s.records(records); len(got) > 0 {
		t.Errorf("the history is %+v", got)
	}
}

// A result is kept of a deploy that failed partly or was interrupted, not of one that was refused; no secret is in it.
func TestResultsAreKeptUnlessNothingWasBegun(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	records := c.Namespace(t)
	s.write("-- app/s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: \"{{ args.ns }}\"}\nstringData: {k: very-secret-value}\n" +
		"-- app/bad.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: \"{{ args.ns }}\"}\nimmutable: 7\n")
	s.deploy(engine.DeployOptions{Run: run(records)})
	got := s.records(records)
	if len(got) != 1 || got[0].Outcome != history.Failed || got[0].Summary != "3 created, 1 failed" {
		t.Fatalf("the history is %+v", got)
	}
	r, err := history.Read(t.Context(), s.cluster.History(records), got[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(struct {
		Run history.Entry `json:"run"`
		report.Document
	}{r.Entry, r.Document})
	if err != nil {
		t.Fatal(err)
	}
	schemaMatches(t, shown)
	contains(t, r.Text, "Created objects:", ns+"/Secret/s", "Errors:", "bad")
	data, err := r.Document.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data) + r.Text; strings.Contains(text, "very-secret-value") || strings.Contains(text, "dmVyeS1zZWNyZXQtdmFsdWU") {
		t.Errorf("it shows the secret:\n%s", text)
	}

	if _, _, err := s.try(engine.DeployOptions{Run: run(records), Reviewed: "another"}); !errors.Is(err, diff.ErrStale) {
		t.Errorf("got %v", err)
	}
	if got := s.records(records); len(got) != 1 {
		t.Errorf("a refusal is in the history: %+v", got)
	}

	s.write("-- app/bad.yaml --\n-- app/more.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: \"{{ args.ns }}\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: most, namespace: \"{{ args.ns }}\"}\n")
	ctx, interrupt := context.WithCancel(t.Context())
	opts := engine.DeployOptions{Run: run(records)}
	opts.Apply.Parallel = 1
	opts.Apply.Progress = func(o apply.Outcome) {
		if o.Status == apply.Applied {
			interrupt()
		}
	}
	p, target := s.open()
	_, result, err := engine.Deploy(ctx, p, target, s.cluster, opts)
	if err != nil || result.Count(apply.NotTried) == 0 {
		t.Fatalf("got %v, %d not tried", err, result.Count(apply.NotTried))
	}
	got = s.records(records)
	if len(got) != 2 || got[0].Outcome != history.Interrupted {
		t.Errorf("the history is %+v", got)
	}
	if left, err := s.cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("after the interruption the locks are %v, %v", left, err)
	}
}

// A user who may not list the whole cluster finds the orphans of a namespace that the project has left, because the last
// result of a deploy names it, or what has run since, which may be all that is kept. That of a prune says nothing of what is left.
func TestOrphansAreFoundInNamespacesOfTheLastResult(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	left, now, records := c.Namespace(t), c.Namespace(t), c.Namespace(t)
	all := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}
	files := func(ns string) string {
		return "-- .kluctl.yaml --\ndiscriminator: " + records + "\n-- deployment.yaml --\ndeployments: [{path: app}]\n" +
			"-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: " + ns + "}\n"
	}
	who := c.User(t, left, all)
	c.Grant(t, who, now, all)
	c.Grant(t, who, records, all)
	s := newSite(t, who.Kubeconfig, files(left))
	s.deploy(engine.DeployOptions{Run: run(records)})
	p, target := s.open()
	prune := run(records)
	prune.Keep = 1
	if _, result, err := engine.Remove(t.Context(), p, target, s.cluster, engine.RemoveOptions{What: diff.Orphans, Run: prune}); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	s.write(files(now))
	for range 2 { // as orphans they are in the next result, too
		set, result := s.deploy(engine.DeployOptions{Run: run(records)})
		if result.Err() != nil {
			t.Fatal(result.Err())
		}
		if len(set.Orphans) != 1 || set.Orphans[0].Ref.Namespace != left {
			t.Errorf("the orphans are %v", ops(set))
		}
	}
}

// What a failed run cannot read of the results before it is no reason to believe that there is nothing: it says so, and is kept.
func TestAResultSaysWhatOfEarlierOnesCouldNotBeRead(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	records := c.Namespace(t)
	s.write("-- app/bad.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name, namespace: " + ns + "}\n")
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/namespaces/"+records+"/secrets") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no lists today","reason":"InternalError","code":500}`)
		return true
	})
	set, result := s.deploy(engine.DeployOptions{Run: run(records)})
	if result.Err() == nil {
		t.Error("what has no valid name is deployed")
	}
	contains(t, strings.Join(set.Warnings, "\n"), "this one does not say in which other namespaces the target may have objects", "no lists today")
	if kept := c.Kubectl(t, "get", "secrets", "-n", records, "-o", "name"); kept == "" {
		t.Error("the result is not kept")
	}
}

// A run whose lock is taken away begins nothing more; what has taken its place is left alone.
func TestALostLockStopsWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	records := c.Namespace(t)
	p, target := s.open()
	r := run(records)
	r.LockDuration = 6 * time.Second // a server that is busy must not be taken for a lost lock
	locks := s.cluster.Locks(records)
	_, result, err := r.Alone(t.Context(), s.cluster, target, func(ctx context.Context) (*diff.ChangeSet, *apply.Result, error) {
		set, err := engine.Diff(ctx, p, target, s.cluster, diff.Options{})
		if err != nil {
			return nil, nil, err
		}
		mine, err := lock.Running(ctx, locks, ns, time.Now())
		if err != nil || mine == nil {
			t.Errorf("while it runs the lock is %v, %v", mine, err)
			return nil, nil, errors.New("no lock")
		}
		c.Kubectl(t, "delete", "lease", mine.Name(), "-n", records)
		thief := lock.Record{Target: "prod", Discriminator: ns, Holder: "thief", Since: time.Now(), Renewed: time.Now(), Duration: time.Hour}
		if _, err := locks.Put(t.Context(), thief); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return set, apply.Apply(ctx, set, s.cluster.Applier(), apply.Options{}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := result.Count(apply.NotTried); n != len(result.Outcomes) || n == 0 {
		t.Errorf("%d of %d objects are not tried", n, len(result.Outcomes))
	}
	contains(t, result.Outcomes[0].Err.Error(), "taken the lock away")
	if left, err := lock.Running(t.Context(), locks, ns, time.Now()); err != nil || left == nil || left.Holder != "thief" {
		t.Errorf("after it the lock is %v, %v", left, err)
	}
	if got := s.records(records); len(got) != 1 || got[0].Outcome != history.Interrupted {
		t.Errorf("the history is %+v", got)
	}
}
