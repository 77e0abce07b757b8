package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/serve"
)

func serveCommand(p process) *cobra.Command {
	var f struct {
		config, listen, internal, database, cache, kubeconfig, poll string

		check bool
	}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Take webhooks of GitHub and GitLab: preview, deploy, answer",
		Long: "Take the webhooks of GitHub and GitLab at /webhook/NAME and do what they call for, as \"action\" does it in a CI job. What is answered with\n" +
			"success is stored before, in a SQLite file or in PostgreSQL, and is done or answered whatever happens to this process. /healthz, /readyz\n" +
			"and /metrics have an address of their own. docs/serve.md describes the configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := os.ReadFile(f.config)
			if errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%w: it says whose webhooks are taken; docs/serve.md has an example", err)
			}
			if err != nil {
				return err
			}
			config, err := serve.ParseConfig(f.config, data, serve.Around{Poll: f.poll, Getenv: p.getenv, MinPause: minPause})
			if err != nil {
				return err
			}
			for flag, to := range map[string]*string{"listen": &config.Listen, "internal": &config.Internal, "cache": &config.Cache, "kubeconfig": &config.Kubeconfig} {
				if cmd.Flags().Changed(flag) {
					*to = cmd.Flag(flag).Value.String()
				}
			}
			if cmd.Flags().Changed("database") {
				config.Database.Set(f.database)
			}
			if err := config.CheckFiles(); err != nil {
				return err
			}
			log := serve.NewLog(p.stderr, p.log.level, config)
			if err := checkKubeconfigs(p, config, log); err != nil {
				return err
			}
			b, err := serverBot(p, config, log)
			if err != nil {
				return err
			}
			if f.check {
				fmt.Fprintf(p.stdout, "%s is as it should be\n", f.config)
				return nil
			}
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			owner := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
			if config.Forks != serve.ForksNone {
				b.Offline = offlineProcess(config.Limits.Offline(), log)
			}
			server, err := serve.New(cmd.Context(), config, b, owner, log)
			if err != nil {
				return err
			}
			server.Built(version)
			provider, stop, err := traces(cmd.Context(), p, log)
			if err != nil {
				return err
			}
			defer stop()
			server.Trace(provider)
			defer ignoreHangup(log)()
			return server.Run(cmd.Context())
		},
	}
	c.AddCommand(queueCommand(p), retryCommand(p))
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "weighlock-server.yaml", "the server's configuration `file`")
	flags.BoolVar(&f.check, "check", false, "read the configuration and the secrets that it names, say what is wrong with them, and end")
	flags.StringVar(&f.listen, "listen", "", "`address` for webhooks; default: the file's, or :8080")
	flags.StringVar(&f.internal, "internal", "", "`address` for /healthz, /readyz and /metrics; default: the file's, or :8081")
	flags.StringVar(&f.database, "database", "", "SQLite file or postgres:// `address`; default: the file's, or weighlock.db")
	flags.StringVar(&f.cache, "cache", "", "`directory` of mirrors, one for each replica; default: the file's, or a temporary one")
	flags.StringVar(&f.poll, "poll", "", "ask the forges what there is to do each `duration`, such as 1m, where no webhook can reach the server; default: the file's, or not")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`; default: the file's, then $KUBECONFIG, then ~/.kube/config")
	return c
}

// minPause is shorter for tests.
var minPause = serve.MinPause

// ignoreHangup keeps SIGHUP, by which operators have other servers read their files again, from ending runs in the middle.
func ignoreHangup(log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Warn("SIGHUP changes nothing: configuration and secrets are read when the server starts; restart it, which hands back what runs")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

// checkKubeconfigs says what is wrong with the kubeconfigs that are named, before a target needs them.
func checkKubeconfigs(p process, config *serve.Config, log *slog.Logger) error {
	deploys, err := contextsOf(p, config.Kubeconfig, log)
	if config.Preview == nil {
		return err
	}
	previews, previewErr := contextsOf(p, config.Preview.Kubeconfig, log)
	if err = errors.Join(err, previewErr); err != nil || config.Kubeconfig == "" {
		return err
	}
	for _, c := range deploys {
		if !slices.Contains(previews, c) {
			log.Warn("no preview can look at a context: contexts of the two kubeconfigs need the same names", "context", c, "missing", config.Preview.Kubeconfig, "there", config.Kubeconfig)
		}
	}
	return nil
}

// contextsOf are the contexts of a kubeconfig; none, where it is not named or holds nothing, as that of a server without clusters.
func contextsOf(p process, kubeconfig string, log *slog.Logger) ([]string, error) {
	if kubeconfig == "" {
		return nil, nil
	}
	const none = "\x00" // of no file: the error lists those that there are
	_, err := connectWith(p, kubeconfig, kube.Config{Context: none})
	if lists := new(kube.NoContextError); errors.As(err, &lists) {
		return lists.Have, nil
	}
	if errors.Is(err, kube.ErrNoKubeconfig) {
		log.Warn("a kubeconfig holds nothing: no cluster can be reached by it", "kubeconfig", kubeconfig)
		return nil, nil
	}
	return nil, err
}

// serverBot is what all runs of the server share.
func serverBot(p process, config *serve.Config, log *slog.Logger) (bot.Bot, error) {
	remotes, err := (&remoteFlags{}).remotes(p)
	if err != nil {
		return bot.Bot{}, err
	}
	clusters := servedClusters{p, config, serve.NewReach(&config.Limits), log}
	b := bot.Bot{
		Cluster:      clusters.deploys,
		Previews:     clusters.previews,
		Patience:     config.Limits.Patience(),
		LockDuration: config.Limits.LockDuration(),
		Keys:         project.Keys{Env: p.lookupenv, Online: true},
		Remotes:      remotes,
		// The server's environment is the operator's: projects see what is listed of it.
		Env: func(name string) (string, bool) {
			if !slices.Contains(config.Environment, name) {
				return "", false
			}
			return p.lookupenv(name)
		},
		Withheld: withheld,
		Now:      time.Now,
	}
	if key := config.DigestKey.Value(); key != "" {
		b.DigestKey = []byte(key)
	}
	return b, nil
}

// servedClusters are those that the server's kubeconfigs name.
type servedClusters struct {
	process
	config *serve.Config
	reach  *serve.Reach
	log    *slog.Logger
}

// deploys connects as whoever deploys.
func (s servedClusters) deploys(ctx context.Context, t project.Target, as string) (engine.Cluster, error) {
	return s.connect(ctx, s.config.Kubeconfig, kube.Config{Context: t.Context, Impersonate: as})
}

// previews connects as whoever previews, until ctx ends. Such an identity acts as nobody else.
func (s servedClusters) previews(ctx context.Context, t project.Target, as string) (engine.Cluster, error) {
	kubeconfig := s.config.Kubeconfig
	if s.config.Preview != nil {
		kubeconfig, as = s.config.Preview.Kubeconfig, ""
	}
	c, err := s.connect(ctx, kubeconfig, kube.Config{Context: t.Context, Impersonate: as, Done: ctx.Done()})
	if err != nil {
		return nil, err
	}
	return c, s.reach.Enter(ctx, c.Server())
}

// connect connects to a cluster that answers.
func (s servedClusters) connect(ctx context.Context, kubeconfig string, config kube.Config) (*kube.Cluster, error) {
	c, err := connectWith(s.process, kubeconfig, config)
	if none := new(kube.NoContextError); errors.As(err, &none) {
		return nil, &bot.NoContextError{Context: none.Context, Have: none.Have}
	}
	if err != nil { // it names files and flags, which mean nothing to who reads a pull request
		s.log.ErrorContext(ctx, "the kubeconfig cannot be used", "context", config.Context, "error", err)
		return nil, errors.New("the server's kubeconfig cannot be used for this target: its log says why")
	}
	return c, s.reach.Answers(ctx, c.Server(), c.Ping)
}
