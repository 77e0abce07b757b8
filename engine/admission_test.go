package engine_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/report"
)

// mutate registers a webhook that answers writes of ConfigMaps in a namespace with a JSON patch.
func mutate(t *testing.T, c *enginetest.Cluster, ns string, patch func() string) {
	t.Helper()
	mutateWhere(t, c, ns, `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+ns+`}}, rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]`, patch)
}

// mutateWhere is mutate for the objects that selectors and rules pick.
func mutateWhere(t *testing.T, c *enginetest.Cluster, name, where string, patch func() string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review map[string]any
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request, _ := review["request"].(map[string]any)
		review["response"] = map[string]any{
			"uid": request["uid"], "allowed": true, "patchType": "JSONPatch", "patch": base64.StdEncoding.EncodeToString([]byte(patch())),
		}
		delete(review, "request")
		json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	bundle := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	c.KubectlInput(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: `+name+`}
webhooks:
- {name: stamp.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: "`+server.URL+`/", caBundle: `+bundle+`}, `+where+`}
`, "apply", "-f", "-")
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "mutatingwebhookconfiguration", name, "--ignore-not-found", "--wait=false")
	})
}

// What a webhook makes of an object that nobody changed is a note; with a change it comes along and says so (N10).
func TestWhatAWebhookMakesIsToldApart(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	mutate(t, c, ns, func() string { return `[{"op":"add","path":"/data/injected","value":"x"}]` })
	var set *diff.ChangeSet
	for range 200 { // a webhook comes into force a moment after it is stored
		if set = s.diff(diff.Options{}); len(find(t, set, "a").Notes) > 0 {
			break
		}
	}
	if set.Changed() {
		t.Errorf("nobody changed anything:\n%s", report.Text(set, nil))
	}
	contains(t, report.Text(set, nil), "webhook stamp.example.com also sets: data.injected")
	s.write(oneMap("", "key: two, keep: same"))
	a := find(t, s.diff(diff.Options{}), "a")
	expect(t, paths(a), []string{"insert data.injected admission", "update data.key"})
	s.deployed()
	if again := s.diff(diff.Options{}); again.Changed() {
		t.Errorf("after the deploy:\n%s", report.Text(again, nil))
	}
}

// What a webhook sets anew at each write is named, not shown as a change, and no part of the digest (N11).
func TestWhatAWebhookSetsAnewEachTimeIsUnstable(t *testing.T) {
	t.Parallel()
	c, s, ns := plainSite(t)
	s.deployed()
	mutate(t, c, ns, func() string { return `[{"op":"add","path":"/data/stamp","value":"` + rand.Text() + `"}]` })
	s.write(oneMap("", "key: two, keep: same"))
	var set *diff.ChangeSet
	for range 200 {
		if set = s.diff(diff.Options{}); len(find(t, set, "a").Notes) > 0 {
			break
		}
	}
	contains(t, report.Text(set, nil), "unstable: webhook stamp.example.com sets another value at each write: data.stamp")
	expect(t, paths(find(t, set, "a")), []string{"update data.key"})
	if again := s.diff(diff.Options{}); again.Digest != set.Digest {
		t.Error("the digest is another one each time")
	}
}

// throughProxy connects a site through a proxy that may answer by itself.
func (s *site) throughProxy(c *enginetest.Cluster, answer func(w http.ResponseWriter, r *http.Request) bool) {
	s.t.Helper()
	s.behind(c, func(forward http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !answer(w, r) {
				forward.ServeHTTP(w, r)
			}
		})
	})
}

// behind connects a site through a proxy, made of what forwards requests to the cluster.
func (s *site) behind(c *enginetest.Cluster, proxy func(forward http.Handler) http.Handler) {
	s.t.Helper()
	s.connect(enginetest.Proxy(s.t, c.RESTConfig(), proxy))
}

// A webhook that cannot do dry runs does not end the preview of its objects (W1).
func TestAWebhookWithoutDryRunDoesNotEndThePreview(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	s.counted = true // the webhook is in the answers alone, so that nobody knows of it
	s.deployed()
	s.write(oneMap("", "key: two") + `-- app/n.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: new, namespace: "{{ args.ns }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: wrong, namespace: "{{ args.ns }}"}
spec: {replicas: many, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containerz: []}}}
`)
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("dryRun") == "" {
			return false
		}
		enginetest.Refuse(w, http.StatusBadRequest, "BadRequest", `admission webhook "odd.example.com" does not support dry run`)
		return true
	})
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"update ConfigMap/a", "unchanged ConfigMap/b", "create ConfigMap/new", "failed Deployment/wrong"})
	expect(t, paths(find(t, set, "a")), []string{"delete data.keep", "update data.key"})
	contains(t, report.Text(set, nil), "not simulated, only checked against the server's schema: webhook odd.example.com does not support dry runs")
	contains(t, find(t, set, "wrong").Err.Error(), "Deployment/wrong: .spec.replicas: expected numeric", "Deployment/wrong: .spec.template.spec.containerz: field not declared in schema")
	s.write("-- app/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: \"{{ args.ns }}\"}\ndata: [key]\n")
	contains(t, find(t, s.diff(diff.Options{}), "a").Err.Error(), "ConfigMap/a: .data: expected map")
}

// Throttling and brief outages are waited out; what lasts makes a partial result, and says so (O4, W2).
func TestOutagesAreWaitedOutOrSaid(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	s.deployed()
	s.write(oneMap("", "key: two, keep: same"))
	var throttled, broken atomic.Int32
	var dead atomic.Bool
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		isA := strings.HasSuffix(r.URL.Path, "/configmaps/a")
		switch {
		case isA && dead.Load():
			enginetest.Refuse(w, http.StatusInternalServerError, "InternalError", `failed calling webhook "gone.example.com": failed to call webhook: Post "https://gone.svc": connection refused`)
		case isA && throttled.Add(1) == 1:
			w.Header().Set("Retry-After", "0")
			enginetest.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", "slow down")
		case isA && broken.Add(1) == 1:
			enginetest.Refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "etcd has no leader")
		default:
			return false
		}
		return true
	})
	set := s.diff(diff.Options{})
	expect(t, ops(set), []string{"update ConfigMap/a", "unchanged ConfigMap/b"})
	if set.Partial {
		t.Error("a whole result is called partial")
	}
	dead.Store(true)
	set = s.diff(diff.Options{})
	expect(t, ops(set), []string{"failed ConfigMap/a", "unchanged ConfigMap/b"})
	if !set.Partial {
		t.Error("a part is not called so")
	}
	contains(t, report.Text(set, nil), "this is a part only", "gone.example.com")
}
