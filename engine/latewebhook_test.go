package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// lateListener hangs up on everybody until it is up.
type lateListener struct {
	net.Listener
	up atomic.Bool
}

func (l *lateListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.up.Load() {
			return conn, err
		}
		conn.Close()
	}
}

// lateWebhook is a site whose project has an admission webhook, which is in force and has no backend yet, and behind a
// barrier the ConfigMap late, which the webhook is to admit, and the ConfigMap free, which it is not.
func lateWebhook(t *testing.T) (*enginetest.Cluster, *site, *lateListener) {
	t.Helper()
	c := enginetest.Start(t)
	ns := c.Namespace(t)
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review map[string]any
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request, _ := review["request"].(map[string]any)
		json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": review["apiVersion"], "kind": review["kind"], "response": map[string]any{"uid": request["uid"], "allowed": true},
		})
	}))
	late := &lateListener{Listener: backend.Listener}
	backend.Listener = late
	backend.StartTLS()
	t.Cleanup(backend.Close)
	bundle := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw}))
	s := newSite(t, c.Identity(t).Kubeconfig, `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
-- deployment.yaml --
deployments: [{path: webhook}, {barrier: true}, {path: app}]
-- webhook/webhook.yaml --
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: `+ns+`}
webhooks:
- name: late.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {url: "`+backend.URL+`/", caBundle: `+bundle+`}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+ns+`}}
  objectSelector: {matchLabels: {judged: "yes"}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
-- app/free.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: free, namespace: `+ns+`}
`)
	s.args = map[string]any{"ns": ns}
	t.Cleanup(func() { c.Kubectl(t, "delete", "validatingwebhookconfiguration", ns, "--wait=false") })
	s.deployed()
	s.write(`
-- app/late.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: late, namespace: ` + ns + `, labels: {judged: "yes"}}
`)
	for range 200 { // a webhook comes into force a moment after it is stored
		seen := find(t, s.diff(diff.Options{}), "late")
		if strings.Contains(seen.Reason+strings.Join(seen.Notes, ""), "late.example.com") {
			return c, s, late
		}
	}
	t.Fatal("the webhook does not come into force")
	return nil, nil, nil
}

// recordedStatus tells what a request was answered.
type recordedStatus struct {
	http.ResponseWriter
	code int
}

func (r *recordedStatus) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

// The backend of a webhook that the deploy brings may come up while the objects that need it are waiting for it.
func TestABackendOfAWebhookMayStartWhileItIsNeeded(t *testing.T) {
	t.Parallel()
	c, s, backend := lateWebhook(t)
	var refused atomic.Int32
	s.behind(c, func(forward http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := &recordedStatus{w, http.StatusOK}
			forward.ServeHTTP(answer, r)
			if r.Method == http.MethodPatch && r.URL.Query().Get("dryRun") == "" && strings.HasSuffix(r.URL.Path, "/configmaps/late") && answer.code == http.StatusInternalServerError {
				// More often than any other request is sent again.
				if refused.Add(1) == 5 {
					backend.up.Store(true)
				}
			}
		})
	})
	_, result := s.deploy(engine.DeployOptions{})
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	if n := refused.Load(); n < 5 {
		t.Errorf("the webhook was asked in vain %d times", n)
	}
	if again := s.diff(diff.Options{}); again.Changed() {
		t.Errorf("it is not as it should be: %v", ops(again))
	}
}

// A backend that does not come up is waited for as long as it was said, and the error says what was missing and how long.
func TestABackendOfAWebhookThatNeverStartsIsAnError(t *testing.T) {
	t.Parallel()
	_, s, _ := lateWebhook(t)
	_, result := s.deploy(engine.DeployOptions{Apply: apply.Options{WebhookPatience: time.Second}})
	if result.Count(apply.Failed) != 1 || result.Count(apply.NotTried) != 0 || result.Count(apply.Unchanged) != 2 {
		t.Errorf("got %+v", result.Outcomes)
	}
	contains(t, result.Err().Error(), "webhook late.example.com, which the change itself has, has not answered for ", "ConfigMap/late", "failed calling webhook")
}
