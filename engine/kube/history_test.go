package kube_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/kube"
)

func openHistory(t *testing.T, kubeconfig, namespace string) history.Store {
	t.Helper()
	c, err := kube.Open(kube.Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.History(namespace)
}

func entry(discriminator string, n int) history.Entry {
	e := history.Entry{
		Command: "deploy", Target: "prod", Discriminator: discriminator, Person: "alice", Holder: "https://ci/1", Outcome: history.Failed,
		StartTime: time.Date(2026, 1, 2, 3, n, 0, 0, time.UTC), Namespaces: []string{"a", "b"},
	}
	e.ID = e.NewID()
	return e
}

func ids(entries []history.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

func TestResultsSurviveTheClusterAndOldOnesGo(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	namespace := cluster.Namespace(t)
	s := openHistory(t, cluster.Kubeconfig(), namespace)
	var all []history.Entry
	for n := range 3 {
		all = append(all, entry("a b/C", n))
		if err := history.Write(t.Context(), s, history.Record{Entry: all[n], Text: "text\n"}, 2); err != nil {
			t.Fatal(err)
		}
	}
	other := entry("other", 9)
	if err := history.Write(t.Context(), s, history.Record{Entry: other}, 2); err != nil {
		t.Fatal(err)
	}
	for discriminator, want := range map[string][]string{"a b/C": {all[2].ID, all[1].ID}, "": {other.ID, all[2].ID, all[1].ID}, "none": nil} {
		got, err := s.List(t.Context(), discriminator)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids(got), want) {
			t.Errorf("%q: got %v, want %v", discriminator, ids(got), want)
		}
	}
	r, err := history.Read(t.Context(), s, all[2].ID)
	if err != nil || r == nil || r.Text != "text\n" || r.Entry.ID != all[2].ID {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := history.Read(t.Context(), s, all[0].ID); r != nil || err != nil {
		t.Errorf("one that is removed: got %+v, %v", r, err)
	}
	// Nothing but ours is on it: with the label of the target it would be pruned.
	labels := cluster.Kubectl(t, "get", "secrets", "-n", namespace, "-o", "jsonpath={range .items[*]}{.metadata.labels}{end}")
	if strings.Contains(labels, "kluctl.io") || strings.Count(labels, `"weighlock.dev/result"`) != 3 {
		t.Errorf("labels: %s", labels)
	}
}

func TestResultsNameTheRightThatIsMissing(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	namespace := cluster.Namespace(t)
	creates := cluster.User(t, namespace, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}})
	s := openHistory(t, creates.Kubeconfig, namespace)
	err := history.Write(t.Context(), s, history.Record{Entry: entry("d", 1)}, 0)
	if rights := new(history.RightsError); !errors.As(err, &rights) || !strings.Contains(err.Error(), "list secrets in namespace "+namespace) {
		t.Errorf("got %v", err)
	}
	if n, err := history.Namespaces(t.Context(), s, "d"); n != nil || err != nil {
		t.Errorf("namespaces: got %v, %v, want none", n, err)
	}
	nowhere := openHistory(t, creates.Kubeconfig, namespace+"-none")
	err = history.Write(t.Context(), nowhere, history.Record{Entry: entry("d", 1)}, 0)
	if rights := new(history.RightsError); !errors.As(err, &rights) {
		t.Errorf("got %v", err)
	}
}

func TestAForeignSecretIsNamedAndHidesNoOtherResult(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	namespace := cluster.Namespace(t)
	s := openHistory(t, cluster.Kubeconfig(), namespace)
	e := entry("d", 1)
	if err := history.Write(t.Context(), s, history.Record{Entry: e}, 0); err != nil {
		t.Fatal(err)
	}
	cluster.Kubectl(t, "create", "secret", "generic", "junk", "-n", namespace)
	cluster.Kubectl(t, "label", "secret", "junk", "-n", namespace, "weighlock.dev/result=x")
	got, err := s.List(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), namespace+"/Secret/junk") || !slices.Equal(ids(got), []string{e.ID}) {
		t.Errorf("got %v, %v", ids(got), err)
	}
}
