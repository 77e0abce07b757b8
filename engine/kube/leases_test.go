package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/lock"
)

func openLocks(t *testing.T, kubeconfig, namespace string) lock.Records {
	t.Helper()
	c, err := kube.Open(kube.Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Locks(namespace)
}

func TestLockRecordsSurviveTheCluster(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	records := openLocks(t, cluster.Kubeconfig(), cluster.Namespace(t))
	since := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
	for _, want := range []lock.Record{
		{Target: "prod", Discriminator: "a b/C", Holder: "https://ci/1", Why: "deploy", Since: since, Renewed: since.Add(time.Second), Duration: 30 * time.Second},
		{Target: "prod", Discriminator: "a b/C", Holder: "alice", Hold: true, Since: since, Renewed: since},
	} {
		stored, err := records.Put(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := records.Get(t.Context(), want.Name())
		if err != nil {
			t.Fatal(err)
		}
		want.Version = stored.Version
		if got == nil || *got != want || stored != want {
			t.Errorf("got %+v\nand %+v\nwant %+v", got, stored, want)
		}
	}
	if list, err := records.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v, want two records", list, err)
	}
}

func TestLockRecordsAreNotOverwrittenUnseen(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	records := openLocks(t, cluster.Kubeconfig(), cluster.Namespace(t))
	now := time.Now()
	r := lock.Record{Target: "prod", Discriminator: "d", Holder: "alice", Since: now, Renewed: now, Duration: time.Minute}
	first, err := records.Put(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := records.Put(t.Context(), r); !errors.Is(err, lock.ErrChanged) {
		t.Errorf("a second new one: got %v", err)
	}
	second, err := records.Put(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	second.Holder = "bob"
	if second, err = records.Put(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if _, err := records.Put(t.Context(), first); !errors.Is(err, lock.ErrChanged) {
		t.Errorf("an old version put: got %v", err)
	}
	if err := records.Remove(t.Context(), first); !errors.Is(err, lock.ErrChanged) {
		t.Errorf("an old version removed: got %v", err)
	}
	for range 2 {
		if err := records.Remove(t.Context(), second); err != nil {
			t.Errorf("the present version removed, and once more: %v", err)
		}
	}
	if _, err := records.Put(t.Context(), second); !errors.Is(err, lock.ErrChanged) {
		t.Errorf("what is gone put: got %v", err)
	}
}

func TestLocksNameTheRightThatIsMissing(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	namespace := cluster.Namespace(t)
	now := time.Now()
	r := lock.Record{Target: "prod", Discriminator: "d", Holder: "alice", Since: now, Renewed: now, Duration: time.Minute}

	reads := cluster.User(t, namespace, rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get"}})
	records := openLocks(t, reads.Kubeconfig, namespace)
	if got, err := records.Get(t.Context(), r.Name()); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	var rights *lock.RightsError
	if _, err := records.Put(t.Context(), r); !errors.As(err, &rights) || !strings.Contains(err.Error(), "create leases.coordination.k8s.io in namespace "+namespace) {
		t.Errorf("got %v", err)
	}
	if _, err := records.List(t.Context()); !errors.As(err, &rights) {
		t.Errorf("got %v", err)
	}
}

func TestLocksMakeTheirNamespaceOnce(t *testing.T) {
	t.Parallel()
	cluster := enginetest.Start(t)
	namespace := cluster.Namespace(t) + "-locks"
	t.Cleanup(func() { cluster.Kubectl(t, "delete", "namespace", namespace, "--wait=false") })
	records := openLocks(t, cluster.Kubeconfig(), namespace)
	now := time.Now()
	for _, discriminator := range []string{"a", "b"} {
		if _, err := records.Put(t.Context(), lock.Record{Target: "t", Discriminator: discriminator, Holder: "h", Since: now, Renewed: now, Duration: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
}

// A lock that is renewed late is lost, and the deploy with it: however many other requests the server lets wait.
func TestALockDoesNotWaitBehindSlowRequests(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/secrets/") {
			slow <- struct{}{}
			<-r.Context().Done()
			return
		}
		enginetest.Refuse(w, http.StatusNotFound, "NotFound", "there is none")
	}))
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: p, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: p, context: {cluster: c}}]}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.Open(kube.Config{Kubeconfigs: []string{kubeconfig}, UserAgent: "weighlock-test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 100 {
		go func() { _, _ = c.History("").Get(ctx, "any") }()
	}
	for range 48 { // as many as it begins with
		<-slow
	}
	renewing, end := context.WithTimeout(ctx, 10*time.Second)
	defer end()
	if r, err := c.Locks("").Get(renewing, "any"); r != nil || err != nil {
		t.Errorf("got %v, %v", r, err)
	}
}
