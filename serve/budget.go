package serve

import (
	"cmp"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// budgets are what is left of the forges' limits on requests. Each installation of an App has its own, and each kind of requests: of
// those the lowest is told, because it is the one that stops something. They are no labels: there may be as many as organisations.
type budgets struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[budgetOf]budget
}

// budgetOf names a limit. Resource is the forge's word for a kind of requests, of which it has a handful.
type budgetOf struct {
	forge, resource string
	who             identity
}

type budget struct {
	remaining, limit float64
	until            time.Time // when it is full again
}

var (
	remaining = prometheus.NewDesc("weighlock_forge_requests_remaining", "How many requests the forge still takes within its limit, as it said last; of several installations the fewest.", []string{"forge", "resource"}, nil)
	limit     = prometheus.NewDesc("weighlock_forge_requests_limit", "How many requests the forge takes within a period, where the fewest remain.", []string{"forge", "resource"}, nil)
)

// Describe implements [prometheus.Collector].
func (b *budgets) Describe(to chan<- *prometheus.Desc) { to <- remaining; to <- limit }

// Collect implements [prometheus.Collector].
func (b *budgets) Collect(to chan<- prometheus.Metric) {
	type label struct{ forge, resource string }
	lowest := map[label]budget{}
	b.mu.Lock()
	for of, is := range b.kept {
		if b.now().After(is.until) {
			delete(b.kept, of) // nobody has asked since
			continue
		}
		at := label{of.forge, of.resource}
		if least, ok := lowest[at]; !ok || is.remaining < least.remaining {
			lowest[at] = is
		}
	}
	b.mu.Unlock()
	for at, is := range lowest {
		to <- prometheus.MustNewConstMetric(remaining, prometheus.GaugeValue, is.remaining, at.forge, at.resource)
		to <- prometheus.MustNewConstMetric(limit, prometheus.GaugeValue, is.limit, at.forge, at.resource)
	}
}

// said notes what an answer says of a limit.
func (b *budgets) said(forge string, who identity, h http.Header) {
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} { // GitHub's, GitLab's
		left, err := strconv.ParseFloat(h.Get(prefix+"Remaining"), 64)
		if err != nil {
			continue
		}
		most, _ := strconv.ParseFloat(h.Get(prefix+"Limit"), 64) // 0 where it is not said
		until := b.now().Add(time.Hour)
		if reset, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64); err == nil {
			until = time.Unix(reset, 0)
		}
		resource := cmp.Or(h.Get(prefix+"Resource"), h.Get(prefix+"Name"), "api")
		b.mu.Lock()
		if b.kept == nil {
			b.kept = map[budgetOf]budget{}
		}
		b.kept[budgetOf{forge, resource, who}] = budget{left, most, until}
		b.mu.Unlock()
	}
}

// A budgeted transport reads from a forge's answers how much of its limit is left, and counts what it refuses.
type budgeted struct {
	next    http.RoundTripper
	budgets *budgets
	refused *prometheus.CounterVec
	forge   string
	who     identity
}

// RoundTrip implements [http.RoundTripper].
func (b budgeted) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	switch {
	case err == nil:
		b.budgets.said(b.forge, b.who, resp.Header)
		if resp.StatusCode >= http.StatusBadRequest {
			b.refused.WithLabelValues(b.forge, strconv.Itoa(resp.StatusCode)).Inc()
		}
	case req.Context().Err() == nil:
		b.refused.WithLabelValues(b.forge, "none").Inc()
	}
	return resp, err
}
