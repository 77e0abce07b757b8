package serve

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// metrics are what Prometheus reads. None has a label that grows with repositories or pull requests.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	door       *prometheus.HistogramVec
	runs       *prometheus.HistogramVec
	answers    *prometheus.HistogramVec
	recovered  *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	budget     *prometheus.GaugeVec
	limit      *prometheus.GaugeVec
}

// seconds are the buckets of what takes between a tenth of a second and an hour.
var seconds = []float64{.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}

func newMetrics(store *queue.Store) *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_deliveries_total", Help: "Requests to the webhooks, by what became of them."}, []string{"forge", "outcome"}),
		door:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_delivery_seconds", Help: "Time until a delivery was answered.", Buckets: []float64{.005, .01, .025, .05, .1, .5, 1, 5, 10}}, []string{"forge"}),
		runs:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_run_seconds", Help: "Duration of runs, by what they were for and how they ended.", Buckets: seconds}, []string{"kind", "state"}),
		answers:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_event_to_comment_seconds", Help: "Time from a delivery until what it called for was done and told.", Buckets: seconds}, []string{"kind"}),
		recovered:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_recovered_total", Help: "What no delivery told and was found by looking."}, []string{"what"}),
		refusals:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_gate_refusals_total", Help: "Conditions of deploys that were not met."}, []string{"gate"}),
		budget:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "weighlock_forge_requests_remaining", Help: "How many requests the forge still takes within its limit, as it said last."}, []string{"forge"}),
		limit:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "weighlock_forge_requests_limit", Help: "How many requests the forge takes within a period."}, []string{"forge"}),
	}
	m.registry.MustRegister(m.deliveries, m.door, m.runs, m.answers, m.recovered, m.refusals, m.budget, m.limit, depth{store},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) delivery(source string, o webhook.Outcome, took time.Duration) {
	m.deliveries.WithLabelValues(source, string(o)).Inc()
	m.door.WithLabelValues(source).Observe(took.Seconds())
}

func (m *metrics) run(r *queue.Run, state queue.State, took time.Duration) {
	m.runs.WithLabelValues(string(r.Kind), string(state)).Observe(took.Seconds())
}

func (m *metrics) answered(kind queue.Kind, waited time.Duration) {
	m.answers.WithLabelValues(string(kind)).Observe(waited.Seconds())
}

func (m *metrics) judged(v bot.Verdict) {
	for _, g := range v {
		if !g.Met {
			m.refusals.WithLabelValues(g.Name).Inc()
		}
	}
}

// A budgeted transport reads from a forge's answers how much of its limit is left.
type budgeted struct {
	next    http.RoundTripper
	metrics *metrics
	forge   string
}

// RoundTrip implements [http.RoundTripper].
func (b budgeted) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} { // GitHub's, GitLab's
		for name, gauge := range map[string]*prometheus.GaugeVec{"Remaining": b.metrics.budget, "Limit": b.metrics.limit} {
			if n, err := strconv.ParseFloat(resp.Header.Get(prefix+name), 64); err == nil {
				gauge.WithLabelValues(b.forge).Set(n)
			}
		}
	}
	return resp, nil
}

// depth reads how full the queue is when it is asked.
type depth struct{ store *queue.Store }

var (
	queued = prometheus.NewDesc("weighlock_queue_items", "Items of the queue, over all replicas.", []string{"kind", "state"}, nil)
	oldest = prometheus.NewDesc("weighlock_queue_oldest_seconds", "For how long the oldest item has waited, by kind.", []string{"kind"}, nil)
)

func (d depth) Describe(to chan<- *prometheus.Desc) { to <- queued; to <- oldest }

func (d depth) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	now, err := d.store.Depth(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(queued, err)
		return
	}
	for _, kind := range []queue.Kind{queue.Preview, queue.Command, queue.Deploy} {
		d := now[kind]
		to <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(d.Waiting), string(kind), string(queue.Waiting))
		to <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(d.Running), string(kind), string(queue.Running))
		to <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, d.Oldest.Seconds(), string(kind))
	}
}
