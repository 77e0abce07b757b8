package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// directRun is a command that the job was told to carry out on what is checked out, rather than what its event calls for.
type directRun struct {
	command  string
	runner   action.Runner
	clusters clusterFiles

	config *bot.Config
	root   string
}

// direct carries the command out for each target. It returns what became of them, the report, and an error if not all went
// well.
func (f *actionFlags) direct(ctx context.Context, p process, d directRun) (targets []action.Target, summary string, err error) {
	d.root = cmp.Or(p.getenv("GITHUB_WORKSPACE"), p.getenv("CI_PROJECT_DIR"), ".")
	if f.target == "" && d.command == action.CommandDeploy {
		return nil, "", errors.New("command deploy needs a target")
	}
	if d.config, err = d.readConfig(); err != nil {
		return nil, "", err
	}
	projects, err := f.projects(d)
	if err != nil {
		return nil, "", err
	}
	results := &action.Results{}
	left := action.Names(f.target)
	var text strings.Builder
	failed := 0
	for _, pc := range projects {
		names, err := f.targetsOf(p, d, pc)
		if err != nil {
			return nil, "", fmt.Errorf("project %s: %w", pc.Name, d.show(pc, err))
		}
		for _, name := range names {
			if f.target != "" {
				i := slices.Index(left, name)
				if i < 0 {
					continue
				}
				left = slices.Delete(left, i, i+1)
			}
			id := bot.ID(cmp.Or(name, pc.Name))
			if len(projects) > 1 && name != "" {
				id = bot.ID(pc.Name + ":" + name)
			}
			d.runner.Group(fmt.Sprintf("%s %s", d.command, id))
			set, result, err := f.one(ctx, p, d, bot.Target{Project: pc, Name: name, Policy: d.config.Policy(pc.Name, name)})
			if set != nil {
				fmt.Fprint(safeLog{p.stdout}, report.Text(set, result))
			}
			d.runner.EndGroup()
			fmt.Fprintf(&text, "### %s\n\n", report.Escape(string(id)))
			if set != nil {
				fmt.Fprintf(&text, "%s\n", report.ChangeSetMarkdown(set, result))
			}
			if err != nil {
				fmt.Fprintf(&text, "❌ %s\n", report.Fence("", err.Error()))
			}
			if err != nil || set != nil && len(set.Failures()) > 0 || result != nil && result.Err() != nil {
				failed++
			}
			results.Found(bot.Finding{Target: id, Project: pc.Path, Deploy: d.command == action.CommandDeploy, Set: set, Result: result, Err: d.show(pc, err)})
		}
	}
	if len(left) > 0 {
		return nil, "", fmt.Errorf("there is no target %s", strings.Join(left, ", "))
	}
	d.runner.AddStepSummary(text.String())
	if failed > 0 {
		err = fmt.Errorf("%d of the targets: not everything went well; the report says what", failed)
	}
	return results.Targets(), text.String(), err
}

// show shows an error, where it stands if it says so, and returns it.
func (d directRun) show(pc bot.ProjectConfig, err error) error {
	if err != nil {
		action.Show(d.runner, d.root, pc.Path, err)
	}
	return err
}

func (d directRun) readConfig() (*bot.Config, error) {
	data, err := os.ReadFile(filepath.Join(d.root, bot.ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return bot.DefaultConfig(), nil
	}
	if err != nil {
		return nil, err
	}
	cfg, err := bot.ParseConfig(bot.ConfigFile, data)
	return cfg, d.show(bot.ProjectConfig{Path: "."}, err)
}

// projects are those that are asked for.
func (f *actionFlags) projects(d directRun) ([]bot.ProjectConfig, error) {
	if f.project == "" {
		return d.config.Projects, nil
	}
	for _, pc := range d.config.Projects {
		if pc.Name == f.project || pc.Path == filepath.ToSlash(filepath.Clean(f.project)) {
			return []bot.ProjectConfig{pc}, nil
		}
	}
	if !filepath.IsLocal(f.project) {
		return nil, fmt.Errorf("project %q is not in %s, nor a directory of the repository", f.project, bot.ConfigFile)
	}
	dir := filepath.ToSlash(filepath.Clean(f.project))
	return []bot.ProjectConfig{{Path: dir, Name: dir}}, nil
}

func (f *actionFlags) flags(d directRun, pc bot.ProjectConfig, target string) targetFlags {
	out := targetFlags{selection: project.Selection{Target: target}, bases: d.config.RemoteBases}
	out.dir = filepath.Join(d.root, filepath.FromSlash(pc.Path))
	for _, lines := range f.args {
		for line := range strings.Lines(lines) {
			if line = strings.TrimSpace(line); line != "" {
				out.args = append(out.args, line)
			}
		}
	}
	return out
}

func (f *actionFlags) targetsOf(p process, d directRun, pc bot.ProjectConfig) ([]string, error) {
	flags := f.flags(d, pc, "")
	proj, err := flags.openAt(p, flags.dir, "")
	if err != nil {
		return nil, err
	}
	defer proj.Close()
	if names := proj.Targets(); len(names) > 0 {
		return names, nil
	}
	return []string{""}, nil
}

// one compares a target, or deploys it.
func (f *actionFlags) one(ctx context.Context, p process, d directRun, t bot.Target) (*diff.ChangeSet, *apply.Result, error) {
	if t.Policy.Deploy == bot.DeployNever && d.command == action.CommandDeploy {
		return nil, nil, fmt.Errorf("%s says deploy: never", bot.ConfigFile)
	}
	flags := f.flags(d, t.Project, t.Name)
	proj, target, err := flags.open(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer proj.Close()
	cluster, err := d.clusters.connect(p, target, t.Policy.User())
	if err != nil {
		return nil, nil, err
	}
	opts := t.Policy.DiffOptions()
	if key := p.getenv(digestKeyVariable); key != "" {
		opts.DigestKey = []byte(key)
	}
	records := runFlags{recordFlags: recordFlags{namespace: d.config.Records.Namespace}, keep: cmp.Or(d.config.Records.Keep, history.DefaultKeep), write: true}
	if d.command == action.CommandDiff {
		records.known(ctx, p, cluster, target, &opts)
		set, err := engine.Diff(ctx, proj, target, cluster, opts)
		return set, nil, err
	}
	how := applyFlags{timeout: 5 * time.Minute}
	o := engine.DeployOptions{Run: records.run(ctx, p, "deploy", proj), Diff: opts}
	o.Run.LockRequired = t.Policy.Lock != bot.LockOptional
	o.Run.Warn = func(text string) { d.runner.Warningf("%s", text) }
	if o.Apply, err = how.options(p, proj); err != nil {
		return nil, nil, err
	}
	o.Apply.AbortOnError = true
	return engine.Deploy(ctx, proj, target, cluster, o)
}
