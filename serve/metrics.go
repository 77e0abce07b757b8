package serve

import (
	"context"
	"regexp"
	"runtime"
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
	budgets    *budgets
	unwell     *prometheus.CounterVec
	deploys    *prometheus.CounterVec
	previews   *prometheus.CounterVec
	refused    *prometheus.CounterVec
}

// seconds are the buckets of what takes between a tenth of a second and an hour.
var seconds = []float64{.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}

// live is the memory that the last garbage collection found in use. What is allocated now swings with its cycle, so that it does not
// tell whether a server holds more and more.
var live = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)}

func newMetrics(store *queue.Store) *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_deliveries_total", Help: "Requests to the webhooks, by what became of them."}, []string{"forge", "outcome"}),
		door:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_delivery_seconds", Help: "Time until a delivery was answered.", Buckets: []float64{.005, .01, .025, .05, .1, .5, 1, 5, 10}}, []string{"forge"}),
		runs:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_run_seconds", Help: "Duration of runs, by what they were for and how they ended.", Buckets: seconds}, []string{"kind", "state"}),
		answers:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weighlock_event_to_comment_seconds", Help: "Time from a delivery until what it called for was done and told.", Buckets: seconds}, []string{"kind"}),
		unwell:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_unwell_total", Help: "Runs that have told of something that failed, such as a deploy, a target that does not render or a cluster that does not answer."}, []string{"kind"}),
		recovered:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_recovered_total", Help: "What no delivery told and was found by looking."}, []string{"what"}),
		refusals:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_gate_refusals_total", Help: "Conditions of deploys that were not met."}, []string{"gate"}),
		deploys:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_deploys_total", Help: "Deploys of a target that were asked for, by what became of them."}, []string{"outcome"}),
		previews:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_previews_total", Help: "Comparisons of a target with its cluster, by what became of them."}, []string{"outcome"}),
		refused:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "weighlock_forge_errors_total", Help: "Requests to the forge that it refused or did not answer, by its status; none is no answer."}, []string{"forge", "status"}),
		budgets:    &budgets{now: time.Now},
	}
	for _, o := range []bot.Ending{bot.EndedDeployed, bot.EndedUnchanged, bot.EndedRefused, bot.EndedHeld, bot.EndedUnreached, bot.EndedFailed} {
		m.deploys.WithLabelValues(string(o)) // so that a first failure is an increase
	}
	for _, kind := range kinds {
		m.runs.WithLabelValues(string(kind), string(queue.Failed))
		m.recovered.WithLabelValues(string(kind))
	}
	m.recovered.WithLabelValues("delivery")
	for _, o := range []bot.Ending{bot.EndedPreviewed, bot.EndedUnchanged, bot.EndedUnreached, bot.EndedFailed} {
		m.previews.WithLabelValues(string(o))
	}
	m.registry.MustRegister(m.deliveries, m.door, m.runs, m.answers, m.recovered, m.refusals, m.budgets, m.unwell, m.deploys, m.previews, m.refused, depth{store},
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(live)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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

// ended counts what became of a target.
func (m *metrics) ended(f found) {
	if f.deploy {
		m.deploys.WithLabelValues(string(f.ending)).Inc()
	} else {
		m.previews.WithLabelValues(string(f.ending)).Inc()
	}
}

// built says which program this is.
func (m *metrics) built(version string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weighlock_build_info", Help: "1, with the program's version.", ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(info)
}

func (m *metrics) failed(kind queue.Kind) { m.unwell.WithLabelValues(string(kind)).Inc() }

func (m *metrics) judged(v bot.Verdict) {
	for _, g := range v {
		if g.State == bot.GateNotMet {
			m.refusals.WithLabelValues(g.Name).Inc()
		}
	}
}

// load reads what this process is at.
type load struct{ runner *queue.Runner }

var (
	workers = prometheus.NewDesc("weighlock_workers", "How many items this replica runs at the same time at most.", nil, nil)
	busy    = prometheus.NewDesc("weighlock_workers_busy", "How many it runs now, but for what is urgent.", nil, nil)
	running = prometheus.NewDesc("weighlock_oldest_run_seconds", "For how long the oldest item has run that this replica runs, by kind; 0 for none.", []string{"kind"}, nil)
)

func (l load) Describe(to chan<- *prometheus.Desc) { to <- workers; to <- busy; to <- running }

func (l load) Collect(to chan<- prometheus.Metric) {
	n, oldest := l.runner.Busy()
	to <- prometheus.MustNewConstMetric(workers, prometheus.GaugeValue, float64(l.runner.Workers))
	to <- prometheus.MustNewConstMetric(busy, prometheus.GaugeValue, float64(n))
	for _, kind := range kinds {
		to <- prometheus.MustNewConstMetric(running, prometheus.GaugeValue, oldest[kind].Seconds(), string(kind))
	}
}

// kinds are those of all items.
var kinds = []queue.Kind{queue.Preview, queue.Command, queue.Deploy, queue.Urgent}

// depth reads how full the queue is when it is asked.
type depth struct{ store *queue.Store }

var (
	up     = prometheus.NewDesc("weighlock_database_up", "Whether the database answers: 1, or 0.", nil, nil)
	queued = prometheus.NewDesc("weighlock_queue_items", "Items of the queue, over all replicas.", []string{"kind", "state"}, nil)
	oldest = prometheus.NewDesc("weighlock_queue_oldest_seconds", "For how long the oldest item has waited, by kind.", []string{"kind"}, nil)
)

func (d depth) Describe(to chan<- *prometheus.Desc) { to <- up; to <- queued; to <- oldest }

func (d depth) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	now, err := d.store.Depth(ctx)
	if err != nil { // the others are needed most then
		to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 0)
		return
	}
	to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 1)
	for _, kind := range kinds {
		d := now[kind]
		to <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(d.Waiting), string(kind), string(queue.Waiting))
		to <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(d.Running), string(kind), string(queue.Running))
		to <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, d.Oldest.Seconds(), string(kind))
	}
}
