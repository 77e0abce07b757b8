package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// recordFlags say where the locks and results of a cluster are.
type recordFlags struct{ namespace string }

func (f *recordFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.namespace, "records-namespace", lock.Namespace, "`namespace` of the cluster where locks and results are kept; all who deploy to it must use the same")
}

// known adds to what a comparison searches for orphans the namespaces of the target's last results, as a deploy does.
func (f *recordFlags) known(ctx context.Context, p process, cluster engine.Cluster, t project.Target, opts *diff.Options) {
	more, err := history.Namespaces(ctx, cluster.History(f.namespace), t.Discriminator)
	if err != nil {
		fmt.Fprintf(p.stderr, "Warning: the target's last results cannot be read: %v\n", report.Visible(err.Error()))
	}
	opts.Namespaces = append(opts.Namespaces, more...)
}

// runFlags are those of commands that write to a target.
type runFlags struct {
	recordFlags
	keep     int
	write    bool
	duration time.Duration
}

func (f *runFlags) register(c *cobra.Command) {
	f.recordFlags.register(c)
	flags := c.Flags()
	flags.IntVar(&f.keep, "keep-command-results-count", history.DefaultKeep, "how many results of a target are kept in its cluster")
	flags.BoolVar(&f.write, "write-command-result", true, "store the result in the cluster, for weighlock history")
	flags.DurationVar(&f.duration, "lock-duration", 0, "for how long the lock of a run that died keeps others out")
	flags.Lookup("lock-duration").Hidden = true
}

// run is the run of a command.
func (f *runFlags) run(ctx context.Context, p process, command string, proj *project.Project) *engine.Run {
	commit, err := proj.Commit(ctx)
	if err != nil {
		fmt.Fprintf(p.stderr, "Warning: %v; the result does not name it\n", report.Visible(err.Error()))
	}
	r := &engine.Run{
		Command: command, Commit: commit, Holder: holder(p.getenv), Person: person(p.getenv), Namespace: f.namespace,
		LockDuration: f.duration, Keep: f.keep, Now: time.Now,
	}
	if !f.write || f.keep <= 0 {
		r.Keep = -1
	}
	return r
}

// holder names this run to others: the CI job by its address, else the user, the host and the process.
func holder(getenv func(string) string) string {
	if url := cmp.Or(action.RunURL(getenv), getenv("CI_JOB_URL"), getenv("BUILD_URL")); url != "" { // GitLab, Jenkins
		return url
	}
	return fmt.Sprintf("%s, process %d", userAtHost(getenv), os.Getpid())
}

// person is who started this run: whose holds do not stop it.
func person(getenv func(string) string) string {
	if login := cmp.Or(getenv("GITHUB_ACTOR"), getenv("GITLAB_USER_LOGIN")); login != "" {
		return "@" + login
	}
	return userAtHost(getenv)
}

func userAtHost(getenv func(string) string) string {
	name := cmp.Or(getenv("USER"), getenv("LOGNAME"))
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return cmp.Or(name, "unknown user") + "@" + host
}

// clusterFlags find a cluster: that of a target, or a context's without looking at any project.
type clusterFlags struct {
	target  targetFlags
	records recordFlags
}

func (f *clusterFlags) register(c *cobra.Command) {
	f.target.register(c)
	f.records.register(c)
}

// find returns the cluster, and the target if one is named; else the discriminator is "", for all targets of the cluster.
func (f *clusterFlags) find(ctx context.Context, p process) (engine.Cluster, project.Target, error) {
	sel := f.target.selection
	t := project.Target{Context: sel.Context, Discriminator: sel.Discriminator}
	if sel.Target != "" {
		var err error
		if t, err = f.named(ctx, p); err != nil {
			return nil, t, err
		}
	}
	cluster, err := connect(p, f.target.kubeconfig, t)
	if err != nil {
		return nil, t, err // not a nil *kube.Cluster in an interface
	}
	return cluster, t, nil
}

// named is the target that flags name, which must have a discriminator.
func (f *clusterFlags) named(ctx context.Context, p process) (project.Target, error) {
	proj, t, err := f.target.open(ctx, p)
	if err != nil {
		return t, err
	}
	defer proj.Close()
	if t.Discriminator == "" {
		return t, fmt.Errorf("%s has no discriminator, by which locks and results are found: set it in .kluctl.yaml or with --discriminator", targetName(t.Name))
	}
	return t, nil
}

func targetName(name string) string {
	if name == "" {
		return "the target"
	}
	return "target " + fmt.Sprintf("%q", name)
}

// oneLine keeps what others wrote from drawing on the terminal, and from being taken for something else than it is.
func oneLine(s string) string {
	return report.Visible(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
}
