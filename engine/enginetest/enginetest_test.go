package enginetest_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/weighlock/weighlock/engine/enginetest"
)

func client(t *testing.T, config *rest.Config) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// apply applies a ConfigMap of the name to the namespace, on the server.
func apply(ctx context.Context, c *kubernetes.Clientset, namespace, name string, options metav1.PatchOptions) error {
	body := `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "` + name + `"}, "data": {"key": "value"}}`
	options.FieldManager = "tester"
	_, err := c.CoreV1().ConfigMaps(namespace).Patch(ctx, name, types.ApplyPatchType, []byte(body), options)
	return err
}

func TestNamespacesAreFreshAndTakePodsAtOnce(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	one, two := c.Namespace(t), c.Namespace(t)
	if one == two {
		t.Errorf("both namespaces are %s", one)
	}
	// Without its ServiceAccount the API server would refuse the pod.
	c.Kubectl(t, "-n", one, "run", "pod", "--image=img:1")
}

func TestNamespaceIsDeletedWithItsTest(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	var namespace string
	t.Run("inner", func(t *testing.T) { namespace = c.Namespace(t) })
	c.Kubectl(t, "wait", "--for=delete", "--timeout=60s", "namespace/"+namespace)
}

func TestAuditTellsDryRunFromWrite(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	namespace, me, other := c.Namespace(t), c.Identity(t), c.Identity(t)
	mine := client(t, me.RESTConfig(t))
	ctx := t.Context()

	if err := apply(ctx, mine, namespace, "before", metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	log := c.Audit(t)
	force := true
	if err := apply(ctx, mine, namespace, "one", metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Fatal(err)
	}
	if err := apply(ctx, mine, namespace, "one", metav1.PatchOptions{Force: &force}); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.CoreV1().ConfigMaps(namespace).Get(ctx, "one", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	dryDelete := metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}
	if err := mine.CoreV1().ConfigMaps(namespace).Delete(ctx, "one", dryDelete); err != nil {
		t.Fatal(err)
	}
	if err := apply(ctx, client(t, other.RESTConfig(t)), namespace, "others", metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}

	events := log.Since(t).By(me).In(namespace)
	type seen struct {
		verb          string
		dryRun, force bool
	}
	var got []seen
	for _, e := range events {
		got = append(got, seen{e.Verb, e.DryRun, e.Force})
		if e.Name != "one" || e.Resource != "configmaps" || e.Code/100 != 2 || e.End.Before(e.Begin) {
			t.Errorf("unexpected event: %v", e)
		}
	}
	want := []seen{{"apply", true, false}, {"apply", false, true}, {"get", false, false}, {"delete", true, false}}
	if !slices.Equal(got, want) {
		t.Fatalf("events: %v, want %v", got, want)
	}
	writes := events.Writes()
	if len(writes) != 1 {
		t.Fatalf("writes: %v, want one", writes)
	}
	if data, _ := writes[0].RequestObject["data"].(map[string]any); data["key"] != "value" || writes[0].FieldManager != "tester" {
		t.Errorf("the write's body is %v, by manager %q", writes[0].RequestObject, writes[0].FieldManager)
	}
	if writes := log.Since(t).By(other).Writes(); len(writes) != 1 {
		t.Errorf("writes of the other: %v, want one", writes)
	}
}

func TestReviewsAndRefusalsInTheAuditLog(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	namespace := c.Namespace(t)
	me := c.User(t, namespace, rbacv1.PolicyRule{Verbs: []string{"get", "patch"}, APIGroups: []string{""}, Resources: []string{"configmaps"}})
	log := c.Audit(t)
	c.Kubectl(t, "--kubeconfig", me.Kubeconfig, "auth", "whoami")
	err := apply(t.Context(), client(t, me.RESTConfig(t)), namespace, "new", metav1.PatchOptions{})
	if !apierrors.IsForbidden(err) { // it may patch but not create
		t.Fatalf("apply of a new object without the right to create: %v, want forbidden", err)
	}
	writes := log.Since(t).By(me).Writes()
	if len(writes) != 1 || writes[0].Code != 403 || writes[0].Name != "new" {
		t.Errorf("writes: %v, want the refused one", writes)
	}
}

func TestImpersonationIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	namespace, me := c.Namespace(t), c.Identity(t)
	log := c.Audit(t)
	c.Kubectl(t, "--kubeconfig", me.Kubeconfig, "--as", "jane", "--as-group", "system:masters", "-n", namespace, "create", "configmap", "one")
	writes := log.Since(t).By(me).Writes()
	if len(writes) != 1 || writes[0].As != "jane" {
		t.Errorf("writes: %v, want one as jane", writes)
	}
}

func TestRightsAreExactlyThoseGiven(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	home, elsewhere := c.Namespace(t), c.Namespace(t)
	read := rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"configmaps"}}
	restricted, err := clientcmd.BuildConfigFromFlags("", c.RestrictedKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		who    string
		config *rest.Config
		in     string
		may    bool
	}{
		{"administrator", c.RESTConfig(), home, true},
		{"identity", c.Identity(t).RESTConfig(t), home, true},
		{"restricted user", restricted, home, false},
		{"user without rules", c.User(t, "").RESTConfig(t), home, false},
		{"user of the namespace", c.User(t, home, read).RESTConfig(t), home, true},
		{"user of the namespace elsewhere", c.User(t, home, read).RESTConfig(t), elsewhere, false},
		{"user of the cluster", c.User(t, "", read).RESTConfig(t), elsewhere, true},
	} {
		t.Run(test.who, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, test.config).CoreV1().ConfigMaps(test.in).List(t.Context(), metav1.ListOptions{})
			if may := err == nil; may != test.may || err != nil && !apierrors.IsForbidden(err) {
				t.Errorf("listing ConfigMaps: %v; want permitted: %t", err, test.may)
			}
		})
	}
}

const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "img:1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: slow}
spec:
  replicas: 2
  serviceName: slow
  selector: {matchLabels: {app: slow}}
  template:
    metadata: {labels: {app: slow}, annotations: {conf/ready-delay: 200ms}}
    spec: {containers: [{name: main, image: "img:1"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: "img:1", securityContext: {privileged: true}}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: good}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "img:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {conf/fail: ""}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "img:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck, labels: {conf/never-ready: ""}}
spec: {containers: [{name: main, image: "img:1"}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`

func TestWorkloadsLiveAsTheirLabelsSay(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	namespace := c.Namespace(t)
	c.KubectlInput(t, workloads, "-n", namespace, "apply", "--server-side", "-f", "-")
	for _, wait := range []string{
		"rollout status deployment/web --timeout=60s",
		"rollout status statefulset/slow --timeout=60s",
		"rollout status daemonset/agent --timeout=60s",
		"wait --for=condition=Complete job/good --timeout=60s",
		"wait --for=condition=Failed job/bad --timeout=60s",
		"wait --for=condition=PodScheduled pod/stuck --timeout=60s",
	} {
		c.Kubectl(t, append([]string{"-n", namespace}, strings.Fields(wait)...)...)
	}
	if phase := c.Kubectl(t, "-n", namespace, "get", "pod", "stuck", "-o", "jsonpath={.status.phase}"); phase != "Pending" {
		t.Errorf("the pod that is never ready is %s", phase)
	}
	// A finalizer that no controller takes off would keep the namespace for ever.
	c.Kubectl(t, "-n", namespace, "delete", "persistentvolumeclaim/claim", "--timeout=60s")
}

func TestKubectlIsOfTheServersVersion(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	var versions struct {
		ClientVersion, ServerVersion struct{ GitVersion string }
	}
	if err := json.Unmarshal([]byte(c.Kubectl(t, "version", "-o", "json")), &versions); err != nil {
		t.Fatal(err)
	}
	if server := versions.ServerVersion.GitVersion; server == "" || server != versions.ClientVersion.GitVersion {
		t.Errorf("client and server are of version %+v", versions)
	}
}
