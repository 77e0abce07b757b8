package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/webhook"
)

// A Server takes webhooks and does what they call for.
type Server struct {
	config  *Config
	log     *slog.Logger
	store   *queue.Store
	cache   *checkout.Cache
	sources []*source
	runner  *queue.Runner
	worker  *worker
	metrics *metrics

	doors, internal net.Listener
	// closed is set when the server has been told to end.
	closed atomic.Bool
}

// New opens the database and the listeners. b is what all runs share: the clusters, keys and the clock. owner names this process
// among all replicas and those before it. The caller calls Run.
func New(ctx context.Context, c *Config, b bot.Bot, owner string, log *slog.Logger) (_ *Server, err error) {
	s := &Server{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.store, err = queue.Open(ctx, c.Database.Value()); err != nil {
		return nil, err
	}
	s.store.Lease = c.Limits.lease
	s.metrics = newMetrics(s.store)
	byName := map[string]*source{}
	for i := range c.Forges {
		f, err := newSource(&c.Forges[i], s.metrics)
		if err != nil {
			return nil, err
		}
		s.sources = append(s.sources, f)
		byName[f.config.Name] = f
	}
	dir := c.Cache
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "weighlock-cache")
	}
	if s.cache, err = checkout.NewCache(dir, 0); err != nil {
		return nil, err
	}
	s.worker = &worker{tracer: noop.NewTracerProvider().Tracer(""), sources: byName, store: s.store, cache: s.cache, bot: b, log: log, metrics: s.metrics}
	s.runner = &queue.Runner{
		Store: s.store, Handler: s.worker, Owner: owner, Workers: c.Limits.Workers, Limits: queue.Limits{Repo: c.Limits.Repository},
		Grace: c.Limits.grace, Patience: c.Limits.retry, Log: log, Observe: s.metrics.run,
	}
	s.metrics.registry.MustRegister(load{s.runner})
	if slices.ContainsFunc(s.sources, func(f *source) bool { return f.verify != nil }) {
		if s.doors, err = listen("listen", c.Listen); err != nil {
			return nil, err
		}
	}
	s.internal, err = listen("internal", c.Internal)
	return s, err
}

// Built tells the metrics which version of the program this is. It is called once, before Run.
func (s *Server) Built(version string) { s.metrics.built(version) }

// listen opens the address of a key of the configuration.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; want HOST:PORT, or :PORT for all of the host's addresses, which nobody else listens on", key, err)
	}
	return l, nil
}

// introduce says as whom the server speaks: a token that is wrong is best known before something is to be done.
func (s *Server) introduce(ctx context.Context) {
	for _, f := range s.sources {
		repo, found := f.config.example()
		if app := f.config.App; app != nil && app.Installation == 0 && !found {
			s.log.InfoContext(ctx, "speaking to the forge as an app, by the installation of each repository that is heard of", "forge", f.config.Name, "app", app.ID)
			continue
		}
		client, err := f.client(0, repo)
		var who forge.User
		if err == nil {
			who, err = client.Self(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.log.ErrorContext(ctx, "the forge does not know us, or does not answer: nothing can be done there; look at its token, or app, and api", "forge", f.config.Name, "error", err)
		default:
			s.log.InfoContext(ctx, "speaking to the forge", "forge", f.config.Name, "as", who.Login)
		}
	}
}

// Addresses are where the server listens: for webhooks, "" if it only polls, and for what is its own.
func (s *Server) Addresses() (webhooks, internal string) {
	if s.doors != nil {
		webhooks = s.doors.Addr().String()
	}
	return webhooks, s.internal.Addr().String()
}

// Run serves until ctx ends, and then until what runs has ended or was handed back.
func (s *Server) Run(ctx context.Context) error {
	internal := s.serve(s.internals(), s.internal)
	open := []*served{internal}
	var doors *served
	if s.doors != nil {
		doors = s.serve(s.routes(), s.doors)
		open = append(open, doors)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for _, h := range open {
		go func() {
			if err := <-h.done; err != nil {
				fail(err)
			}
		}()
	}
	webhooks, own := s.Addresses()
	s.log.InfoContext(ctx, "serving", "webhooks", webhooks, "internal", own, "poll", s.config.poll.String(), "database", map[bool]string{true: "PostgreSQL", false: "SQLite"}[s.store.Shared()])

	var background sync.WaitGroup
	background.Go(func() { s.introduce(ctx) })
	background.Go(func() { s.reconcile(ctx) })
	background.Go(func() {
		// The door closes first: what comes now is for another replica, or for the next process.
		<-ctx.Done()
		s.closed.Store(true)
		s.log.InfoContext(ctx, "the door closes; what runs may end", "grace", s.config.Limits.grace.String())
		if doors != nil {
			doors.shut()
		}
	})
	err := s.runner.Run(ctx)
	fail(err)
	background.Wait()
	internal.shut()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	s.log.InfoContext(ctx, "the server has ended")
	return errors.Join(err, s.close())
}

func (s *Server) close() error {
	var errs []error
	for _, l := range []net.Listener{s.doors, s.internal} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if s.cache != nil {
		errs = append(errs, s.cache.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// routes are the webhooks' doors.
func (s *Server) routes() http.Handler {
	mux, bodies := http.NewServeMux(), webhook.NewBodies()
	for _, f := range s.sources {
		if f.verify == nil {
			continue
		}
		mux.Handle("/webhook/"+f.config.Name, &webhook.Door{
			Source: f.door(), Queue: &intake{config: f.config, store: s.store, log: s.log}, Bodies: bodies, Now: s.worker.bot.Now, Log: s.log, Observe: s.metrics.delivery,
		})
	}
	return mux
}

// internals are for whoever operates the server.
func (s *Server) internals() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), 5*time.Second)
		defer cancel()
		switch err := s.store.Ping(ctx); {
		case s.closed.Load():
			http.Error(w, "the server is shutting down", http.StatusServiceUnavailable)
		case err != nil:
			s.log.ErrorContext(ctx, "the database takes nothing", "error", err)
			http.Error(w, "the database takes nothing", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	mux.Handle("/queue", s.desk())
	mux.Handle("/queue/", s.desk())
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// A served is a running HTTP server.
type served struct {
	*http.Server
	done chan error
}

func (s *Server) serve(h http.Handler, l net.Listener) *served {
	out := &served{done: make(chan error, 1), Server: &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
	go func() {
		err := out.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		out.done <- err
	}()
	return out
}

// shut answers what has come, and takes nothing new.
func (h *served) shut() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if h.Shutdown(ctx) != nil {
		_ = h.Close() // the forge has no answer, and keeps the delivery as failed
	}
}
