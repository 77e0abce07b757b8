package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/action/actiontest"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/serve/servetest"
)

// A gate stands before a cluster and lets a number of writes to a namespace through. The one after them is the last that the cluster
// hears of, if carried says so, and nobody gets an answer to it or to a later one, until the gate is open.
type gate struct {
	namespace string
	through   int
	carried   bool

	open    atomic.Bool
	mu      sync.Mutex
	seen    int
	reached chan struct{}
	writing sync.WaitGroup // those that the cluster hears of
}

func newGate(namespace string, through int, carried bool) *gate {
	return &gate{namespace: namespace, through: through, carried: carried, reached: make(chan struct{})}
}

// turn is the number of a write, 0 for what is none.
func (g *gate) turn(r *http.Request) int {
	if r.Method == http.MethodGet || r.URL.Query().Get("dryRun") != "" || !strings.Contains(r.URL.Path, "/namespaces/"+g.namespace+"/") || g.open.Load() {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen++
	if n := g.seen; n <= g.through || n == g.through+1 && g.carried {
		g.writing.Add(1)
	}
	return g.seen
}

func (g *gate) proxy(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := g.turn(r)
		through := r.WithContext(context.WithoutCancel(r.Context())) // what the cluster has heard of it carries out
		switch {
		case n == 0:
			forward.ServeHTTP(w, r)
			return
		case n <= g.through:
			defer g.writing.Done()
			forward.ServeHTTP(w, through)
			return
		case n == g.through+1:
			if g.carried {
				forward.ServeHTTP(httptest.NewRecorder(), through)
				g.writing.Done()
			}
			close(g.reached)
		}
		_, _ = io.Copy(io.Discard, r.Body) // it is noticed only behind the body that somebody hangs up
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
}

// A doom says between which writes to the cluster a server dies: after so many, and whether the next one is carried out, too.
type doom struct {
	through int
	carried bool
}

// fourObjects are what the target staging has in the pull request, and what each is called in the audit log.
var fourObjects = map[string]string{
	"deploy/app/map.yaml":    change["deploy/app/map.yaml"],
	"deploy/app/secret.yaml": change["deploy/app/secret.yaml"],
	"deploy/app/more.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"more-{{ target.name }}\", namespace: NAMESPACE}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"most-{{ target.name }}\", namespace: NAMESPACE}\n",
}

// A server is killed when a deploy of four objects is written in part. Once it is back, the pull request is told once that the
// deploy was begun, and shown what is left; and the command that it names does what is left, and nothing twice.
func dieBetweenWrites(t *testing.T, d doom) {
	c := converse(t)
	g := newGate(c.namespace, d.through, d.carried)
	c.runner.Kubeconfig = enginetest.Proxy(t, c.cluster.RESTConfig(), g.proxy)
	c.limits = "{lease: 6s}"
	s := c.served("")
	c.deliver(s, c.openPullRequest(fourObjects))
	if c.count("| **staging** | 4 new |") != 1 {
		t.Fatalf("the preview: %+v", c.comments())
	}
	audit := c.cluster.Audit(t)
	order := c.github.Comment(testRepo, c.number, writer, "/deploy staging")
	if status, err := s.Deliver(t.Context(), c.github.CommentWebhook(order)); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	select {
	case <-g.reached:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the deploy does not come so far\n%s", s.Log())
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	g.writing.Wait()
	g.open.Store(true)
	written := d.through
	if d.carried {
		written++
	}
	if got := c.objects(audit); len(got) != written {
		t.Fatalf("%d objects are written, want %d: this proves nothing: %v", len(got), written, got)
	}
	c.start(s)
	c.idle(s)
	if got := c.objects(audit); len(got) != written {
		t.Errorf("after the restart %v are written, without anybody having asked", got)
	}
	const again = "/deploy staging"
	if c.answers(order) != 1 || c.count("has ended in the middle") != 1 || c.count("**staging** was being written to") != 1 || c.count("`"+again+"` does it") != 1 {
		t.Errorf("the pull request is told: %+v", c.comments())
	}
	left := fmt.Sprintf("| **staging** | %d new |", 4-written)
	if written == 4 {
		left = "No changes: **staging**."
	}
	if c.count(left) != 1 {
		t.Errorf("the preview does not say %q: %+v", left, c.comments())
	}
	if records := c.github.Deployments(testRepo); len(records) != 1 || records[0].State != forge.DeploymentFailure {
		t.Errorf("the records of deploys: %+v", records)
	}
	c.checksFinished()

	c.deliver(s, c.command(writer, again))
	for name, n := range c.objects(audit) {
		if n != 1 {
			t.Errorf("%s is written %d times", name, n)
		}
	}
	if got := c.color("staging"); got != "blue" || len(c.objects(audit)) != 4 {
		t.Errorf("asked again, it deploys %q of %v: %+v", got, c.objects(audit), c.comments())
	}
	c.unlocked("staging")
}

// objects are how often each object of the namespace was written, by name.
func (c *conversation) objects(audit *enginetest.AuditLog) map[string]int {
	c.Helper()
	out := map[string]int{}
	for _, e := range audit.Since(c.T).Writes() {
		if e.Namespace == c.namespace && e.Code < 300 && strings.HasSuffix(e.Name, "-staging") {
			out[e.Name]++
		}
	}
	return out
}

// answers counts the answers to a comment.
func (c *conversation) answers(to forge.Comment) int {
	n := 0
	for _, a := range c.comments() {
		if strings.HasPrefix(a.Body, fmt.Sprintf("<!-- weighlock:answer comment-%d-", to.ID)) {
			n++
		}
	}
	return n
}

// checksFinished expects that no check of ours is left open on the pull request's head.
func (c *conversation) checksFinished() {
	c.Helper()
	head, err := c.git.Run(c.Context(), "rev-parse", "topic")
	if err != nil {
		c.Fatal(err)
	}
	for _, check := range c.github.Checks(testRepo, strings.TrimSpace(head)) {
		if !check.State.Finished() {
			c.Errorf("the check %s is %s", check.Name, check.State)
		}
	}
}

// unlocked expects that nobody has the lock of a target.
func (c *conversation) unlocked(target string) {
	c.Helper()
	cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{c.cluster.Kubeconfig()}})
	if err != nil {
		c.Fatal(err)
	}
	running, err := lock.Running(c.Context(), cluster.Locks(""), c.namespace+"-"+target, time.Now())
	if err != nil || running != nil {
		c.Errorf("the lock of %s is had by %v, %v", target, running, err)
	}
}

func TestServeTellsWhatIsLeftOfADeployThatDiedBetweenTwoWrites(t *testing.T) {
	t.Parallel()
	dieBetweenWrites(t, doom{through: 2})
}

// A switch turns a cluster on and off.
type onOff struct{ off atomic.Bool }

func (o *onOff) proxy(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.off.Load() {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})
}

// A cluster dies between the preview and the deploy, and comes back: the command is answered, the preview says that nothing is known
// and is renewed by itself, and the next command deploys.
func TestServeOutlivesAClusterThatDiesAndComesBack(t *testing.T) {
	t.Parallel()
	c := converse(t)
	cluster := &onOff{}
	c.runner.Kubeconfig = enginetest.Proxy(t, c.cluster.RESTConfig(), cluster.proxy)
	c.limits = "{reconcile: 300ms, lease: 6s, cluster: 1s}"
	s := c.served("")
	c.deliver(s, c.openPullRequest(change))
	cluster.off.Store(true)
	order := c.github.Comment(testRepo, c.number, writer, "/deploy staging")
	c.deliver(s, c.github.CommentWebhook(order))
	if c.answers(order) != 1 || c.count("**staging** was not deployed for @"+writer+", nothing was applied") != 1 || len(c.github.Deployments(testRepo)) > 0 {
		t.Errorf("while the cluster is dead: %+v", c.comments())
	}
	c.deliver(s, c.github.PullRequestWebhook(testRepo, c.number, forge.Reopened, writer))
	if c.count("| **staging** | 🔌 cluster unreachable |") != 1 {
		t.Errorf("while the cluster is dead: %+v", c.comments())
	}
	cluster.off.Store(false)
	c.eventually("the preview is renewed", func() bool { return c.count("| **staging** | 2 new |") == 1 })
	if n := len(c.comments()); n != 3 { // the preview, the command, its answer
		t.Errorf("%d comments: %+v", n, c.comments())
	}
	c.deliver(s, c.command(writer, "/deploy staging"))
	if got := c.color("staging"); got != "blue" {
		t.Errorf("once the cluster is back, it deploys %q: %+v", got, c.comments())
	}
}

// What an API server does to the dry runs of a preview, and gets over, shows in no comment but for a while in the one that is edited.
func TestServePreviewsThroughFaultsOfAnAPIServer(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(http.ResponseWriter){
		"too many requests": func(w http.ResponseWriter) {
			enginetest.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", "slow down")
		},
		"not available": func(w http.ResponseWriter) {
			enginetest.Refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "no leader")
		},
		"cut between dry runs": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := converse(t)
			var dryRuns atomic.Int32
			c.runner.Kubeconfig = enginetest.Proxy(t, c.cluster.RESTConfig(), func(forward http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("dryRun") != "" {
						if n := dryRuns.Add(1); n > 1 && n < 12 {
							fail(w)
							return
						}
					}
					forward.ServeHTTP(w, r)
				})
			})
			c.limits = "{reconcile: 300ms}"
			s := c.served("")
			c.deliver(s, c.openPullRequest(change))
			c.eventually("the preview is whole", func() bool { return c.count("| **staging** | 2 new |") == 1 && c.count("| **prod** | 2 new |") == 1 })
			c.idle(s)
			if n := len(c.comments()); n != 1 || dryRuns.Load() < 12 {
				t.Errorf("%d comments after %d dry runs: %+v", n, dryRuns.Load(), c.comments())
			}
			c.checksFinished()
		})
	}
}

// What an identity may not do is told on the pull request: who lacks which right. It is not tried again.
func TestServeTellsOfAnIdentityThatMayNotPreview(t *testing.T) {
	t.Parallel()
	c := converse(t)
	c.previewKubeconfig = c.cluster.User(t, c.namespace).Kubeconfig
	c.limits = "{reconcile: 300ms}"
	s := c.served("", func(s *servetest.Server) { s.Repositories = nil }) // it is delivered, and not found
	c.deliver(s, c.openPullRequest(change))
	swept := c.swept(3)
	c.eventually("it has looked for what was missed", swept)
	c.idle(s)
	if n := strings.Count(s.Log(), `"msg":"run ended"`); n != 1 || len(c.comments()) != 1 {
		t.Errorf("%d runs, comments %+v", n, c.comments())
	}
	for _, want := range []string{"cannot patch configmaps in namespace " + c.namespace, "cannot patch secrets", "weighlock rbac suggest prints the rights"} {
		if c.count(want) == 0 {
			t.Errorf("it does not say %q: %+v", want, c.comments())
		}
	}
	c.checksFinished()
	if strings.Contains(s.Log(), actiontest.ActionsToken) {
		t.Error("the log holds a token")
	}
}

// A deploy was carried out, and the forge refuses its answer for a while: it is told as it was, once, and nothing is deployed twice.
func TestServeTellsOfADeployWhoseAnswerWasRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]forgetest.Fault{
		"forbidden": {Status: http.StatusForbidden, Times: 2},
		"not found": {Status: http.StatusNotFound, Times: 1},
		"not taken": {Status: http.StatusUnprocessableEntity, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := converse(t)
			s := c.served("")
			c.deliver(s, c.openPullRequest(change))
			audit := c.cluster.Audit(t)
			fault.Method, fault.Path = http.MethodPost, "/repos/*/*/issues/*/comments"
			c.github.Fail(fault)
			order := c.github.Comment(testRepo, c.number, writer, "/deploy staging")
			c.deliver(s, c.github.CommentWebhook(order))
			if c.color("staging") != "blue" || c.answers(order) != 1 || c.count("could not be carried out") > 0 || c.count("🚀 **staging** deployed") != 1 {
				t.Errorf("it deployed %q, and is told: %+v", c.color("staging"), c.comments())
			}
			for name, n := range c.objects(audit) {
				if n != 1 {
					t.Errorf("%s is written %d times", name, n)
				}
			}
		})
	}
}

// The forge refuses to hear how a deploy ended: its record is closed later, and nothing else of the run is done again.
func TestServeClosesTheRecordOfADeployLater(t *testing.T) {
	t.Parallel()
	for name, begins := range map[string]int{"how it ended": 1, "nor that it began": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := converse(t)
			s := c.served("")
			c.deliver(s, c.openPullRequest(change))
			// The first is that the deploy begins.
			c.github.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/repos/*/*/deployments/*/statuses", Status: http.StatusForbidden, Skip: begins, Times: 3 - begins})
			c.deliver(s, c.command(writer, "/deploy staging"))
			if records := c.github.Deployments(testRepo); len(records) != 1 || records[0].State != forge.DeploymentSuccess {
				t.Errorf("the records of deploys: %+v", records)
			}
			if c.color("staging") != "blue" || c.count("🚀 **staging** deployed") != 1 || !strings.Contains(s.Log(), "is not closed") {
				t.Errorf("it deployed %q, and is told: %+v\n%s", c.color("staging"), c.comments(), s.Log())
			}
		})
	}
}
