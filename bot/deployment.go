package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// A deployment is what became of deploying one target.
type deployment struct {
	// verb is what was done, such as "deployed".
	verb   string
	set    *diff.ChangeSet
	result *apply.Result
	// err is why nothing was applied.
	err error
	// differs says, of a change that is not the one that was shown, in what it differs, and excerpt shows it as Markdown.
	differs *mismatch
	excerpt string
	// warnings are about the lock and the history.
	warnings []string
	// again is the command that tries it again, "" where there is none, and look the one that shows before what it would do.
	again, look string
	// record is the forge's, once there is one.
	record *forge.Deployment
}

// An occasion is what a deploy is carried out for.
type occasion struct {
	command, about, why, person string
	tree                        checkout.Tree
}

// about is the pull request that a push merged, or else the push.
func about(merged *forge.PullRequest, e forge.BranchPushed) string {
	if merged != nil {
		return merged.String()
	}
	return fmt.Sprintf("%s at %s", e.Repo, short(e.After))
}

// run says to others who deploys and why.
func (b *Bot) run(o occasion) *engine.Run {
	return &engine.Run{
		Command: o.command, Commit: o.tree.Head, Onto: o.tree.Base, Tree: o.tree.ID, Holder: cmp.Or(b.Holder, o.about), Person: o.person,
		Why: fmt.Sprintf("%s, %s, commit %s", o.why, o.about, short(o.tree.Head)), LockDuration: b.LockDuration, Now: b.Now,
	}
}

// A deployOrder says how a target is deployed.
type deployOrder struct {
	run *engine.Run
	// reviewed, if it is not empty, is the digest that the change must have as the preview compares.
	reviewed string
	// force and prune are what is asked for beyond what the preview shows.
	force, prune bool
	// only restricts the deploy to some objects.
	only []string
	// approve is asked right before the first write.
	approve func(context.Context, *diff.ChangeSet) error
	// record is what the forge is told of the deploy.
	record forge.NewDeployment
}

// deploy deploys a target. An object whose dry run fails keeps all of them from being applied.
func (b *Bot) deploy(ctx context.Context, t *tree, j Job, o deployOrder) deployment {
	d := deployment{verb: "deployed"}
	p, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		d.err = hidePath(err, t.dir.Path())
		return d
	}
	b.prepare(&d, t, j, o.run)
	opts := o.options(b.diffOptions(j))
	opts.Apply = b.applyOptions(ctx, t, j)
	approve := opts.Approve
	opts.Approve = func(ctx context.Context, set *diff.ChangeSet) error {
		if err := ownRecords(set, t.config.Records.Namespace); err != nil {
			return err
		}
		if err := approve(ctx, set); err != nil {
			return err
		}
		if set.Changed() && !(len(set.Failures()) > 0 && opts.Apply.AbortOnError) {
			b.closeLeft(ctx, j, o.record.Repo, runsOf(ctx, t, target, cluster))
			b.begin(ctx, &d, j, o.record)
		}
		return nil
	}
	deploying, deployed := traced(ctx, "deploy", j.ID)
	d.set, d.result, err = engine.Deploy(deploying, p, target, cluster, opts)
	deployed(err)
	d.err = explained(err, t)
	b.end(ctx, &d, j)
	return d
}

// options is what is asked of the engine. seen says how the preview compares: what is asked for beyond that is bound to
// the preview all the same.
func (o deployOrder) options(seen diff.Options) engine.DeployOptions {
	opts := engine.DeployOptions{Reviewed: o.reviewed, Run: o.run, Diff: seen, Approve: o.approve}
	opts.Diff.Force, opts.Diff.Prune = o.force, o.prune || seen.Prune
	if o.force || opts.Diff.Prune != seen.Prune {
		opts.Seen = &seen
	}
	if len(o.only) == 0 {
		return opts
	}
	left := map[string]bool{}
	for _, name := range o.only {
		left[name] = true
	}
	opts.Only = func(r object.Ref) bool {
		is := false
		for _, name := range o.only {
			if names(name, r) {
				delete(left, name)
				is = true
			}
		}
		return is
	}
	opts.Approve = func(ctx context.Context, set *diff.ChangeSet) error {
		for _, name := range o.only {
			if left[name] {
				return fmt.Errorf("the target has no object %s", name)
			}
		}
		return o.approve(ctx, set)
	}
	return opts
}

// prune deletes what the target no longer has, if the preview that shows it is still what would happen.
func (b *Bot) prune(ctx context.Context, t *tree, j Job, o deployOrder) deployment {
	d := deployment{verb: "pruned"}
	p, target, cluster, err := b.open(ctx, t, j)
	if err != nil {
		d.err = hidePath(err, t.dir.Path())
		return d
	}
	b.prepare(&d, t, j, o.run)
	opts := b.diffOptions(j)
	if opts.Namespaces, err = history.Namespaces(ctx, cluster.History(t.config.Records.Namespace), target.Discriminator); err != nil {
		b.Log.WarnContext(ctx, "the target's last results cannot be read", "target", j.ID, "error", err)
	}
	seen, err := engine.Diff(ctx, p, target, cluster, opts)
	if err == nil && seen.Digest != o.reviewed {
		err = &diff.StaleError{Reviewed: o.reviewed, Current: seen.Digest}
	}
	if err != nil {
		d.err = explained(err, t)
		return d
	}
	d.set, d.result, err = engine.Remove(ctx, p, target, cluster, engine.RemoveOptions{
		What: diff.Orphans, Run: o.run, Diff: opts, Apply: b.applyOptions(ctx, t, j),
		Approve: func(ctx context.Context, set *diff.ChangeSet) error {
			if err := errors.Join(ownRecords(set, t.config.Records.Namespace), o.approve(ctx, set)); err != nil {
				return err
			}
			if !deletesAtMost(set, seen) { // what was compared, was before the lock
				return &diff.StaleError{Reviewed: o.reviewed, Current: set.Digest}
			}
			if set.Changed() {
				b.closeLeft(ctx, j, o.record.Repo, runsOf(ctx, t, target, cluster))
				b.begin(ctx, &d, j, o.record)
			}
			return nil
		},
	})
	d.err = explained(err, t)
	b.end(ctx, &d, j)
	return d
}

// ownRecords refuses changes of our own records: a project that wrote these could take locks away and make up what was deployed.
func ownRecords(set *diff.ChangeSet, namespace string) error {
	kept := map[string]string{"Lease": "target-", "Secret": "result-"} // see engine/lock and engine/kube
	for c := range set.All() {
		if prefix := kept[c.Ref.Kind]; prefix != "" && c.Ref.Namespace == cmp.Or(namespace, lock.Namespace) && strings.HasPrefix(c.Ref.Name, prefix) {
			return fmt.Errorf("%s is a record of Weighlock's own, which no project may write or delete", c.Ref)
		}
	}
	return nil
}

// deletesAtMost says whether all that a change set deletes is among what another one shows as left over.
func deletesAtMost(set, seen *diff.ChangeSet) bool {
	may := map[object.Ref]bool{}
	for _, c := range seen.Orphans {
		may[c.Ref] = true
	}
	for c := range set.All() {
		if c.Op == diff.Delete && !may[c.Ref] {
			return false
		}
	}
	return true
}

// runsOf reads the last runs of a target.
func runsOf(ctx context.Context, t *tree, target project.Target, cluster engine.Cluster) func() (history.Entries, error) {
	return func() (history.Entries, error) {
		return history.Runs(ctx, cluster.History(t.config.Records.Namespace), target.Discriminator)
	}
}

// prepare says where locks and results go, and collects what is warned of.
func (b *Bot) prepare(d *deployment, t *tree, j Job, run *engine.Run) {
	run.Warn = func(text string) { d.warnings = append(d.warnings, text) }
	run.Namespace, run.Keep, run.LockRequired = t.config.Records.Namespace, t.config.Records.Keep, j.Policy.Lock != LockOptional
}

func explained(err error, t *tree) error {
	if errors.As(err, new(*lock.RightsError)) {
		err = fmt.Errorf("%w\ngrant it, or say lock: optional for the target in %s", err, ConfigFile)
	}
	return hidePath(err, t.dir.Path())
}

// names says whether kind/name or kind/namespace/name means an object.
func names(name string, r object.Ref) bool {
	kind, rest, _ := strings.Cut(name, "/")
	if !strings.EqualFold(kind, r.Kind) {
		return false
	}
	namespace, short, ok := strings.Cut(rest, "/")
	if !ok {
		return rest == r.Name
	}
	return namespace == r.Namespace && short == r.Name
}

// applyOptions are those of all deploys of the bot. What happens is logged as it happens: a job's log is looked at while
// it runs.
func (b *Bot) applyOptions(ctx context.Context, t *tree, j Job) apply.Options {
	return apply.Options{
		AbortOnError: true, Now: b.Now,
		Progress: func(o apply.Outcome) {
			if o.Status != apply.Unchanged && o.Status != apply.Skipped {
				b.Log.InfoContext(ctx, string(o.Status), "target", string(j.ID), "object", o.Ref.String())
			}
		},
		Wait: apply.Wait{Rules: t.config.Readiness, Progress: func(w apply.Waiting) {
			b.Log.InfoContext(ctx, "waiting", "target", string(j.ID), "object", w.Ref.String(), "since", w.Since.Round(time.Second).String(), "reason", w.Reason)
		}},
	}
}

// unreached says that nothing was applied because a cluster did not answer.
func (d deployment) unreached() bool {
	if d.err != nil {
		return errors.As(d.err, new(*diff.UnreachableError))
	}
	return d.set != nil && d.set.Partial && d.result.Count(apply.Applied)+d.result.Count(apply.Deleted) == 0
}

// unremarkable says that there was nothing to do.
func (d deployment) unremarkable() bool {
	return d.ok() && !d.set.Changed() && len(lost(d.set)) == 0 && len(d.warnings) == 0
}

func (d deployment) ok() bool { return d.err == nil && d.result.Err() == nil }

// markdown is the answer that tells of the deployment, for a person if actor is not empty.
func (d deployment) markdown(id ID, commit, actor string, max int) string {
	var warnings strings.Builder
	for _, w := range d.warnings {
		fmt.Fprintf(&warnings, "\n⚠️ %s\n", report.Escape(w))
	}
	return d.answer(id, commit, actor, max-len([]rune(warnings.String()))) + warnings.String()
}

// answer is the answer without the warnings.
func (d deployment) answer(id ID, commit, actor string, max int) string {
	target, by := "**"+report.Escape(string(id))+"**", ""
	if actor != "" {
		by = " for @" + actor
	}
	var moved *movedError
	var held *lock.HeldError
	switch {
	case errors.Is(d.err, diff.ErrStale):
		why := "the change is not the one that the preview showed"
		if d.differs != nil {
			why = report.Escape(d.differs.Text)
		}
		return fmt.Sprintf("😕 %s was not %s%s: %s.\n%s\nThe preview is up to date again: read it, then repeat the command.\n", target, d.verb, by, why, d.excerpt)
	case errors.As(d.err, &moved) && moved.later:
		return fmt.Sprintf(waits+" %s is not %s yet: %s.\n", target, d.verb, report.Escape(moved.what))
	case errors.As(d.err, &moved):
		return fmt.Sprintf("😕 %s was not %s%s: %s. Nothing was applied.", target, d.verb, by, report.Escape(moved.what))
	case errors.As(d.err, &held) && held.Record.Hold:
		then := pick(d.again == "", "", ", then "+report.Code(d.again))
		return fmt.Sprintf("😕 %s was not %s%s: it is locked, %s. To go on, let them give it up, or write %s%s.", target, d.verb, by,
			report.Escape(held.Record.String()), report.Code(Command{Verb: VerbUnlock}.on(id)), then)
	case errors.As(d.err, &held):
		return fmt.Sprintf("😕 %s was not %s%s: it is being deployed just now, %s. Wait for that to end, look at the preview, and %s.",
			target, d.verb, by, report.Escape(held.Record.String()), pick(d.again == "", "repeat the command", "write "+report.Code(d.again)))
	case d.err != nil:
		return fmt.Sprintf("❌ %s was not %s%s, nothing was applied:\n%s", target, d.verb, by, report.Fence("", strings.TrimPrefix(limited(d.err), "nothing is applied: "))) + d.retry()
	case d.ok() && !d.set.Changed() && len(lost(d.set)) > 0:
		return fmt.Sprintf("⚠️ %s is not quite as %s has it: %s", target, report.Code(short(commit)), report.ResultMarkdown(d.result, max)) + d.kept(id)
	case d.ok() && !d.set.Changed():
		return fmt.Sprintf("✅ %s is already as %s has it: %s", target, report.Code(short(commit)), report.ResultMarkdown(d.result, max))
	case d.ok():
		return fmt.Sprintf("🚀 %s %s %s%s in %s: %s", target, d.verb, report.Code(short(commit)), by, took(d.result.Timing.Took), report.ResultMarkdown(d.result, max)) + d.kept(id)
	case d.result.Count(apply.Applied)+d.result.Count(apply.Deleted) == 0:
		return fmt.Sprintf("❌ %s was not %s%s, nothing was applied: %s", target, d.verb, by, report.ResultMarkdown(d.result, max)) + d.retry()
	default:
		again := "\nThe lock is given back.\n" + d.retry()
		return fmt.Sprintf("❌ %s is partly %s%s: %s", target, d.verb, by, report.ResultMarkdown(d.result, max-len([]rune(again)))) + again
	}
}

// kept says, of a deploy that went well, which fields are not as the project has them: others own these.
func (d deployment) kept(id ID) string {
	fields := lost(d.set)
	if len(fields) == 0 {
		return ""
	}
	return fmt.Sprintf("\n⚠️ %d %s as others have it, not as the project does: %s. To take what others own: %s\n", len(fields), plural(len(fields), "field stays", "fields stay"),
		report.Escape(some(fields)), report.Code(Command{Verb: VerbDeploy, Force: true}.on(id)))
}

// lost are the fields of a change set that others keep, as nobody has said what to do.
func lost(set *diff.ChangeSet) []string {
	if set == nil {
		return nil
	}
	var out []string
	for c := range set.All() {
		for _, f := range c.Conflicts {
			if f.Resolution == diff.Kept {
				out = append(out, fmt.Sprintf("%s of %s (%s)", f.Path, c.Ref, f.Manager))
			}
		}
	}
	return out
}

// quiet is a deployment as comments tell of it: what went wrong without the values that previews do not show either.
func (b *Bot) quiet(ctx context.Context, d deployment, comment CommentConfig, repo forge.Repo) deployment {
	if d.ok() {
		return d
	}
	var p report.Preview
	if b.detail(ctx, &p, comment, repo, nil); p.Summary {
		d.err, d.result = report.WithoutValues(d.err), report.ResultWithoutValues(d.result)
	}
	return d
}

// retry says how to go on after a failure. The preview comes first: a deploy is bound to what that shows.
func (d deployment) retry() string {
	if d.again == "" {
		return ""
	}
	return fmt.Sprintf("\nOnce the cause is gone: %s shows what is left to do, and %s does it.\n", report.Code(d.look), report.Code(d.again))
}

// took is how long a deploy took, as precise as people want to know.
func took(t time.Duration) string {
	unit := time.Second
	if t < 10*time.Second {
		unit = time.Second / 10
	}
	return t.Round(unit).String()
}
