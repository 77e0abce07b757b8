package serve

import (
	"net/http"
	"path/filepath"
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
	item := queue.Item{Delivery: "github:1", Source: "github", Key: "github:acme/shop#7", Repo: "github:acme/shop", Kind: queue.Deploy, Body: []byte("{}")}
	if _, err := store.Add(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	m.delivery("github", webhook.Stored, time.Millisecond)
	m.run(&queue.Run{Item: item}, queue.Done, time.Second)
	m.answered(queue.Deploy, time.Second)
	m.recovered.WithLabelValues("delivery").Inc()
	m.judged(bot.Verdict{{Name: "approvals"}, {Name: "checks", Met: true}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (budgeted{limited{}, m, "github"}).RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, f := range families {
		if strings.Contains(f.String(), "acme") {
			t.Errorf("a label grows with repositories: %s", f)
		}
	}
	want := `
# HELP weighlock_forge_requests_remaining How many requests the forge still takes within its limit, as it said last.
# TYPE weighlock_forge_requests_remaining gauge
weighlock_forge_requests_remaining{forge="github"} 4900
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
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "weighlock_forge_requests_remaining", "weighlock_gate_refusals_total", "weighlock_queue_items"); err != nil {
		t.Error(err)
	}
}
