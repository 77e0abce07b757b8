package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/lock"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// A Run says who writes to a target and what for: while it works, no other run does, and what becomes of it is kept. Both
// need a discriminator, by which a target is known to everybody. A nil Run locks nothing and leaves no trace.
type Run struct {
	// Command is what is run, such as "deploy"; Commit is what is deployed, as far as that is known.
	Command, Commit string
	// Onto is the commit that Commit was merged onto, if it was, and Tree the id of git's tree that is deployed, as far as these are
	// known.
	Onto, Tree string
	// Holder names this run, and no other one, to those whom it keeps out: a CI job's address, or a user, host and process.
	Holder string
	// Person is who started it; a hold of their own does not stop it. Default: Holder.
	Person string
	// Why says what for; default: the command and the commit.
	Why string
	// Namespace is where locks and results are kept; default [lock.Namespace].
	Namespace string
	// LockRequired refuses to run where the rights for a lock are missing; else that is a warning.
	LockRequired bool
	// LockDuration is for how long the lock stands after the last sign of life; default 30 s.
	LockDuration time.Duration
	// Keep is how many results of the target are kept; 0 is [history.DefaultKeep], and none are stored if it is negative.
	Keep int
	// Warn, if set, is told of each warning, too.
	Warn func(string)
	// Now is the clock.
	Now func() time.Time
}

// closingTimeout bounds what a run does at its end, also of one that was interrupted: keeping its result, and releasing
// its lock.
const closingTimeout = 10 * time.Second

// Alone does work while no other run works on the target, under a context that ends when the lock is lost, and keeps the
// result, if there is one, before it gives the target back. What is not as it should be about lock and result, such as a
// missing right, is a warning in the change set. A *[lock.HeldError] says who has the target.
//
// Its shape is that of [Deploy] and of what else writes to a target.
func (r *Run) Alone(ctx context.Context, c Cluster, t project.Target, work func(context.Context) (*diff.ChangeSet, *apply.Result, error)) (*diff.ChangeSet, *apply.Result, error) {
	if r == nil {
		return work(ctx)
	}
	if t.Discriminator == "" {
		set, result, err := work(ctx)
		r.warn(set, "without a discriminator the target cannot be locked, so that another run may write to it at the same time, and the result is not stored: set it in .kluctl.yaml or with --discriminator")
		return set, result, err
	}
	began := r.Now()
	locked := ctx
	held, unlocked, err := r.lock(ctx, c, t)
	if err != nil {
		return nil, nil, fmt.Errorf("nothing is applied: %w", err)
	}
	if held != nil {
		locked = held.Context()
	}
	set, result, err := work(locked)
	r.warn(set, unlocked)
	if result != nil {
		if err := r.keep(locked, c, set, result, began); err != nil {
			r.warn(set, "the result is not in the history: "+err.Error())
		}
	}
	if held != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTimeout)
		defer cancel()
		if err := held.Release(closing); err != nil {
			r.warn(set, fmt.Sprintf("the lock could not be released and stands until it expires: %v", err))
		}
	}
	return set, result, err
}

func (r *Run) warn(set *diff.ChangeSet, text string) {
	if text == "" {
		return
	}
	if set != nil {
		set.Warnings = append(set.Warnings, text)
	}
	if r.Warn != nil {
		r.Warn(text)
	}
}

// Held says who keeps the run from the target now, by a *[lock.HeldError], for those who ask somebody before they write:
// nobody should confirm what is then refused. It takes no lock, and missing rights are no error before they are needed.
func (r *Run) Held(ctx context.Context, c Cluster, t project.Target) error {
	if r == nil || t.Discriminator == "" {
		return nil
	}
	err := lock.Check(ctx, c.Locks(r.Namespace), r.claim(t), r.Now())
	if rights := new(lock.RightsError); errors.As(err, &rights) {
		return nil
	}
	return err
}

func (r *Run) claim(t project.Target) lock.Claim {
	why := r.Why
	if why == "" {
		why = strings.TrimSuffix(r.Command+" of "+r.Commit, " of ")
	}
	return lock.Claim{Target: t.Name, Discriminator: t.Discriminator, Holder: r.Holder, Person: r.Person, Why: why}
}

// lock takes the target. Without the rights it returns no lock, and why, unless a lock is required.
func (r *Run) lock(ctx context.Context, c Cluster, t project.Target) (*lock.Lock, string, error) {
	held, err := lock.Acquire(ctx, c.Locks(r.Namespace), r.claim(t), lock.Options{Now: r.Now, Duration: r.LockDuration, Watching: r.watching})
	if rights := new(lock.RightsError); errors.As(err, &rights) && !r.LockRequired {
		return nil, fmt.Sprintf("the target is not locked, so that another run may write to it at the same time: %v", err), nil
	}
	return held, "", err
}

// watching tells why nothing happens for a while.
func (r *Run) watching(expired lock.Record, during time.Duration) {
	r.warn(nil, fmt.Sprintf("the lock of %s has expired (%s); it is taken over if nobody renews it in the next %s", expired.Holder, expired.Why, during))
}

// keep stores what became of the run.
func (r *Run) keep(ctx context.Context, c Cluster, set *diff.ChangeSet, result *apply.Result, began time.Time) error {
	if r.Keep < 0 {
		return nil
	}
	e := history.Entry{
		Command: r.Command, Target: set.Target.Name, Discriminator: set.Target.Discriminator,
		Person: cmp.Or(r.Person, r.Holder), Holder: r.Holder, Commit: r.Commit, Onto: r.Onto, Tree: r.Tree, StartTime: began, EndTime: r.Now(),
		Outcome: history.Succeeded, Summary: strings.TrimPrefix(report.Outcome(result), result.Target.Name+": "),
		Digest: set.Digest, Namespaces: namespaces(set, result), Partial: set.Narrow || set.Target.Inclusion.Restricted(),
	}
	switch {
	case result.Err() != nil && ctx.Err() != nil:
		e.Outcome = history.Interrupted
	case result.Err() != nil:
		e.Outcome = history.Failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTimeout)
	defer cancel()
	if e.Partial || e.Outcome != history.Succeeded {
		// What the target has besides must be known still when the results before this one are not kept any more.
		before, err := history.Namespaces(ctx, c.History(r.Namespace), e.Discriminator)
		if err != nil {
			r.warn(set, fmt.Sprintf("the target's last results cannot be read, so this one does not say in which other namespaces the target may have objects: %v", err))
		}
		e.Namespaces = slices.Compact(slices.Sorted(slices.Values(append(e.Namespaces, before...))))
	}
	record := history.Record{Entry: e, Document: report.NewDocument(set, result), Text: report.Text(set, result)}
	return history.Write(ctx, c.History(r.Namespace), record, r.Keep)
}

// namespaces are those in which the target has objects, or may have them, after the run.
func namespaces(set *diff.ChangeSet, result *apply.Result) []string {
	found := map[string]bool{}
	for _, o := range result.Outcomes {
		if o.Status != apply.Deleted && o.Ref.Namespace != "" {
			found[o.Ref.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// known adds the namespaces of the target's last results to those that are searched for orphans. It returns a warning
// where they cannot be had.
func (r *Run) known(ctx context.Context, c Cluster, t project.Target, opts *diff.Options) string {
	if r == nil {
		return ""
	}
	more, err := history.Namespaces(ctx, c.History(r.Namespace), t.Discriminator)
	opts.Namespaces = append(slices.Clone(opts.Namespaces), more...)
	if err != nil {
		return fmt.Sprintf("the target's last results cannot be read, so objects in namespaces that it has left may stay unknown: %v", err)
	}
	return ""
}
