package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// limited answers as GitHub does about its limit.
type limited struct{}

func (limited) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"X-Ratelimit-Remaining": {"4900"}, "X-Ratelimit-Limit": {"5000"}}, Body: http.NoBody}, nil
}

func TestMetricsAreAsPrometheusAsksAndNameNoRepository(t *testing.T) {
	t.Parallel()
	store, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "weighlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	m := newMetrics(store)
	// What alerts look at is there before it happens: the first time is no increase else.
	for _, metric := range []string{"weighlock_run_seconds", "weighlock_deploys_total", "weighlock_recovered_total"} {
		if n, err := testutil.GatherAndCount(m.registry, metric); err != nil || n == 0 {
			t.Errorf("of %s there is nothing before something has happened: %v", metric, err)
		}
	}
	item := queue.Item{Delivery: "github:1", Source: "github", Key: "github:acme/shop#7", Repo: "github:acme/shop", Kind: queue.Deploy, Body: []byte("{}")}
	if _, err := store.Add(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	m.delivery("github", webhook.Stored, time.Millisecond)
	m.run(&queue.Run{Item: item}, queue.Done, time.Second)
	m.answered(queue.Deploy, time.Second)
	m.recovered.WithLabelValues("delivery").Inc()
	m.judged(bot.Verdict{{Name: "approvals", State: bot.GateNotMet}, {Name: "checks", State: bot.GateMet}, {Name: "lock", State: bot.GateUnasked}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (budgeted{limited{}, m.budgets, m.refused, "github", identity{}}).RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	m.built("1.2.3")
	m.registry.MustRegister(load{&queue.Runner{Workers: 4}})
	m.ended(found{target: "prod", deploy: true, ending: bot.EndedFailed})
	m.ended(found{target: "prod", ending: bot.EndedPreviewed})
	m.refused.WithLabelValues("github", "502").Inc()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	names := map[string]bool{}
	for _, f := range families {
		if names[f.GetName()] = true; f.GetType().String() == "HISTOGRAM" {
			names[f.GetName()+"_count"] = true
		}
		if strings.Contains(f.String(), "acme") {
			t.Errorf("a label grows with repositories: %s", f)
		}
	}
	documentation, err := os.ReadFile("../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range names {
		if short, ours := strings.CutPrefix(strings.TrimSuffix(name, "_count"), "weighlock_"); ours && !strings.Contains(string(documentation), "`"+short+"`") {
			t.Errorf("docs/serve.md does not have %s", name)
		}
	}
	alerts, err := os.ReadFile("../deploy/monitoring/monitoring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bweighlock_[a-z_]+`).FindAllString(string(alerts), -1) {
		if !names[name] {
			t.Errorf("alerts look at %s, which there is not", name)
		}
	}
	want := `
# HELP weighlock_deploys_total Deploys of a target that were asked for, by what became of them.
# TYPE weighlock_deploys_total counter
weighlock_deploys_total{outcome="deployed"} 0
weighlock_deploys_total{outcome="failed"} 1
weighlock_deploys_total{outcome="held"} 0
weighlock_deploys_total{outcome="refused"} 0
weighlock_deploys_total{outcome="unchanged"} 0
weighlock_deploys_total{outcome="unreached"} 0
# HELP weighlock_recovered_total What no delivery told and was found by looking.
# TYPE weighlock_recovered_total counter
weighlock_recovered_total{what="command"} 0
weighlock_recovered_total{what="delivery"} 1
weighlock_recovered_total{what="deploy"} 0
weighlock_recovered_total{what="preview"} 0
weighlock_recovered_total{what="urgent"} 0
# HELP weighlock_workers How many items this replica runs at the same time at most.
# TYPE weighlock_workers gauge
weighlock_workers 4
# HELP weighlock_forge_requests_remaining How many requests the forge still takes within its limit, as it said last; of several installations the fewest.
# TYPE weighlock_forge_requests_remaining gauge
weighlock_forge_requests_remaining{forge="github",resource="api"} 4900
# HELP weighlock_gate_refusals_total Conditions of deploys that were not met.
# TYPE weighlock_gate_refusals_total counter
weighlock_gate_refusals_total{gate="approvals"} 1
# HELP weighlock_queue_items Items of the queue, over all replicas.
# TYPE weighlock_queue_items gauge
weighlock_queue_items{kind="command",state="running"} 0
weighlock_queue_items{kind="command",state="waiting"} 0
weighlock_queue_items{kind="deploy",state="running"} 0
weighlock_queue_items{kind="deploy",state="waiting"} 1
weighlock_queue_items{kind="preview",state="running"} 0
weighlock_queue_items{kind="preview",state="waiting"} 0
weighlock_queue_items{kind="urgent",state="running"} 0
weighlock_queue_items{kind="urgent",state="waiting"} 0
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "weighlock_forge_requests_remaining", "weighlock_gate_refusals_total", "weighlock_queue_items", "weighlock_deploys_total", "weighlock_workers", "weighlock_recovered_total"); err != nil {
		t.Error(err)
	}
}
