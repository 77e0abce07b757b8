package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
)

// attempt is the server's answer to the dry run of an object.
type attempt struct {
	sent object.Object
	Preview
	err error
}

func (d *differ) apply(ctx context.Context, o object.Object, force bool) *attempt {
	answer, err := d.previewer.Apply(ctx, o, force)
	if err == nil {
		d.mask.learn(answer.Merged)
	}
	return &attempt{sent: o, Preview: answer, err: err}
}

// send asks again for what is to be done to an existing object.
func (d *differ) send(ctx context.Context, c *Change, o object.Object) *attempt {
	if !c.whole {
		return d.apply(ctx, o, c.force)
	}
	answer, err := d.previewer.Update(ctx, o)
	return &attempt{sent: o, Preview: answer, err: err}
}

// change fills in c. An object whose live state is not known is applied first: the answer says whether it exists.
func (d *differ) change(ctx context.Context, c *Change) {
	if err := cmp.Or(secretText(c.desired), checkRules(c, d.opts)); err != nil {
		c.Op, c.Err = Failed, err
		return
	}
	live, err := d.liveIn(ctx, c.Ref)
	if err != nil {
		d.fail(c, err)
		return
	}
	if live != nil {
		c.labelled = true
		d.existing(ctx, c, live, nil)
		return
	}
	if _, ok := d.created[c.Ref.Namespace]; ok && c.Ref.Namespace != "" {
		d.creationElsewhere(ctx, c)
		return
	}
	if def := d.definitions[kindOf(c.Ref)]; def != nil && def.isNew {
		d.creationOfNewKind(c, def)
		return
	}
	first := d.apply(ctx, c.desired, false)
	if first.err == nil && first.created() {
		d.creation(c, first)
		return
	}
	var forbidden *ForbiddenError
	var gone *UnreachableError
	_, own := d.ownWebhook(first.err)
	if errors.As(first.err, &forbidden) || errors.As(first.err, &gone) && !own {
		d.fail(c, first.err)
		return
	}
	live, err = d.previewer.Get(ctx, c.Ref)
	var noKind *NoKindError
	switch {
	case errors.As(err, &noKind) && d.mayCome(c):
		c.Op, c.Merged, c.late = Create, comparable(c.desired), true
		c.Reason = "not simulated: its kind is not served yet; what the deploy waits for before it may bring it"
	case errors.As(err, &noKind) && first.err != nil:
		d.fail(c, first.err)
	case err != nil:
		d.fail(c, err)
	case live != nil:
		d.existing(ctx, c, live, first)
	case first.err != nil:
		d.refusedCreation(ctx, c, first.err)
	default:
		d.fail(c, fmt.Errorf("%s: was deleted while it was looked at: compare again", c.Ref))
	}
}

// checkRules finds rules of an object that cannot be read.
func checkRules(c *Change, opts Options) error {
	_, ignoreErr := newIgnorer(c.desired, c.rules.Ignore, opts.Ignore)
	_, conflictErr := conflictRules(c.desired, c.rules.Conflict)
	return errors.Join(ignoreErr, conflictErr)
}

// fail records why nothing is known of c.
func (d *differ) fail(c *Change, err error) { c.Op, c.Err = Failed, err }

// existing fills in c for an object that exists. first is an answer that is there already, or nil.
func (d *differ) existing(ctx context.Context, c *Change, live object.Object, first *attempt) {
	d.mask.learn(live)
	if _, holds := mask.Value(map[string]any(c.desired), d.mask.text); holds {
		d.mask.learnBefore(map[string]any(live), map[string]any(c.desired))
	}
	c.Live, c.uid = comparable(live), live.Text("metadata", "uid")
	if at := live.Text("metadata", "deletionTimestamp"); at != "" {
		d.fail(c, fmt.Errorf("%s: is being deleted since %s and cannot be changed; %s", c.Ref, at, waits(live)))
		return
	}
	if err := d.adopt(c, live); err != nil {
		d.fail(c, err)
		return
	}
	c.desired = settle(c.desired, live, c.unsettled)
	if def := d.definitions[kindOf(c.Ref)]; def != nil {
		d.judgeByNewDefinition(c, live, def)
		return
	}
	switch {
	case first == nil && d.unasked(ctx, c, live):
		first = &attempt{sent: c.desired, Preview: Preview{Merged: live}}
	case first == nil || !object.Equal(map[string]any(first.sent), map[string]any(c.desired)):
		first = d.apply(ctx, c.desired, false)
	}
	answer := d.settleConflicts(ctx, c, live, first)
	if answer.err != nil && d.opts.Whole {
		answer = d.wholly(ctx, c, live, answer)
	}
	if errors.As(answer.err, new(*RefusedError)) && strings.Contains(answer.err.Error(), inNoVersion) {
		if gone := d.gone(c, live, answer.err); len(gone) > 0 {
			answer = d.renewed(ctx, c, live, gone)
		}
	}
	var invalid *InvalidError
	var blind *NoDryRunError
	switch {
	case answer.err == nil:
	case errors.As(answer.err, &invalid):
		d.refusedUpdate(ctx, c, live, invalid)
		return
	case errors.As(answer.err, &blind):
		if !d.check(ctx, c) {
			return
		}
		answer.Merged, answer.err = simulate(live, c.desired), nil
		c.Notes = append(c.Notes, fmt.Sprintf("not simulated, only checked against the server's schema: webhook %s does not support dry runs; the comparison is with what the API server does without it", blind.Webhook))
	default:
		webhook, own := d.ownWebhook(answer.err)
		if !own {
			d.fail(c, answer.err)
			return
		}
		if !d.check(ctx, c) {
			return
		}
		answer.Merged, answer.err = simulate(live, c.desired), nil
		c.Notes = append(c.Notes, fmt.Sprintf("not simulated, only checked against the server's schema: webhook %s, which the change set itself has, does not answer", webhook))
	}
	if d.catchUp(ctx, c, live, answer) {
		return
	}
	answer = d.takeOver(ctx, c, live, answer)
	if answer.err != nil {
		d.fail(c, answer.err)
		return
	}
	d.conclusion(c, live, answer)
	if scaled := d.leaveToScaler(ctx, c, live); scaled != nil {
		if scaled.err != nil {
			d.fail(c, scaled.err)
			return
		}
		answer = scaled
		d.conclusion(c, live, answer)
	}
	d.steady(ctx, c, live, answer)
}

// maxCatchUps is how often an object is looked at anew that somebody changed between its reading and its dry run.
const maxCatchUps = 3

// catchUp starts anew with an object that somebody changed between its reading and its dry run, and says whether it did: what
// controllers did in between is no change of ours. A status that moved on changes nothing.
func (d *differ) catchUp(ctx context.Context, c *Change, live object.Object, answer *attempt) bool {
	seen := answer.Merged.Text("metadata", "resourceVersion")
	if c.caughtUp >= maxCatchUps || seen == "" || seen == live.Text("metadata", "resourceVersion") ||
		len(sortedChanges(comparable(live), comparable(answer.Merged))) == 0 {
		return false
	}
	c.caughtUp++
	now, err := d.previewer.Get(ctx, c.Ref)
	switch {
	case err != nil:
		d.fail(c, err)
	case now == nil:
		d.fail(c, fmt.Errorf("%s: was deleted while it was looked at: compare again", c.Ref))
	case now.Text("metadata", "resourceVersion") == seen:
		d.existing(ctx, c, now, answer)
	default:
		d.existing(ctx, c, now, nil)
	}
	return true
}

// settleConflicts decides about conflicts and asks again with what they leave.
func (d *differ) settleConflicts(ctx context.Context, c *Change, live object.Object, first *attempt) *attempt {
	var conflict *ConflictError
	if !errors.As(first.err, &conflict) {
		return first
	}
	rules, err := conflictRules(c.desired, c.rules.Conflict)
	if err != nil {
		return &attempt{err: err}
	}
	if d.opts.Force {
		rules = append(rules, conflictRule{all: true})
	}
	entries := managed.Entries(live)
	if len(entries) == 0 {
		// The server takes it that somebody before it owns all. Which fields that are is seen where they have become ours.
		forced := d.apply(ctx, c.desired, true)
		if forced.err != nil {
			return forced
		}
		entries = []managed.Entry{{Manager: nobody, Fields: appliedFields(forced.Merged)}}
	}
	resolved, err := resolve(c.desired, live, entries, conflict, rules)
	if err != nil {
		return &attempt{err: err}
	}
	resolved.conflicts = d.withoutScaled(ctx, c, live, d.real(ctx, c, resolved.conflicts))
	c.Conflicts, c.desired = resolved.conflicts, resolved.reduced
	for _, r := range resolved.conflicts {
		c.force = c.force || r.Resolution == Overwritten
		if r.Resolution == Kept {
			c.Warnings = append(c.Warnings, r.kept("")) // with values when these are masked
		}
	}
	c.left = resolved.left
	again := d.apply(ctx, c.desired, c.force)
	if errors.As(again.err, &conflict) {
		again.err = fmt.Errorf("%s: another manager changed it while it was looked at: compare again: %w", c.Ref, again.err)
	}
	return again
}

// wholly asks what sending the object as a whole would give, where applying it failed. Only if that works is it done.
func (d *differ) wholly(ctx context.Context, c *Change, live object.Object, failed *attempt) *attempt {
	o := c.desired.Clone()
	o.Map("metadata")["resourceVersion"] = live.Text("metadata", "resourceVersion")
	c.whole = true
	answer := d.send(ctx, c, o)
	if answer.err != nil {
		c.whole = false
		return failed
	}
	// What is not applied is recorded as another manager's of the same name, with whom each later apply would be in conflict.
	c.takeover = &Takeover{Managers: []string{FieldManager}}
	const why = "is sent as a whole, with all that others have set in it, because it cannot be applied"
	c.Warnings = append(c.Warnings, c.quoting(fmt.Sprintf("%s: %v", why, failed.err), why))
	return answer
}

// real returns conflicts without those about fields that are to stay as they are and would not be others if they were
// overwritten: the server compares before it completes and converts, so that 1000m is in conflict with 1.
func (d *differ) real(ctx context.Context, c *Change, conflicts []Conflict) []Conflict {
	if !slices.ContainsFunc(conflicts, func(c Conflict) bool { return c.Resolution == Kept }) {
		return conflicts
	}
	forced := d.apply(ctx, c.desired, true)
	if forced.err != nil {
		return conflicts
	}
	return slices.DeleteFunc(conflicts, func(c Conflict) bool {
		is, _ := c.Path.Lookup(map[string]any(forced.Merged))
		return c.Resolution == Kept && object.Equal(is, c.Theirs)
	})
}

// takeOver takes what forerunners set and the project does not have out of the answer. The server is asked what that
// gives, because it may complete what is taken away.
func (d *differ) takeOver(ctx context.Context, c *Change, live object.Object, answer *attempt) *attempt {
	if c.whole || answer.err != nil || c.takeover != nil && len(c.takeover.gone) > 0 {
		return answer
	}
	c.takeover = takeover(live, answer.Merged, c.left)
	if c.takeover == nil {
		return answer
	}
	pruned := c.takeover.prune(answer.Merged, live, c.desired)
	if object.Equal(map[string]any(comparable(pruned)), map[string]any(comparable(answer.Merged))) {
		return answer
	}
	again, err := d.previewer.Update(ctx, pruned)
	var blind *NoDryRunError
	if errors.As(err, &blind) {
		return &attempt{sent: answer.sent, Preview: Preview{Merged: pruned, Warnings: answer.Warnings}}
	}
	return &attempt{sent: answer.sent, Preview: Preview{Merged: again.Merged, Warnings: answer.Warnings}, err: err}
}

// conclusion compares the live object with the answer.
func (d *differ) conclusion(c *Change, live object.Object, answer *attempt) {
	c.Merged = comparable(answer.Merged)
	hideAllocated(c.Merged, live, c.desired)
	c.told(answer.Warnings)
	ignore, _ := newIgnorer(c.desired, c.rules.Ignore, d.opts.Ignore) // checked before
	d.hide(c, ignore)
	entries := managed.Entries(live)
	for i := range c.Fields {
		c.Fields[i].Cause = serverCause(c, &c.Fields[i], live, entries)
		c.Fields[i].Owner, c.Fields[i].Since = owner(entries, live, c.Fields[i].Path)
	}
	c.Op = Update
	if len(c.Fields) == 0 && c.Hidden == 0 {
		c.Op = Unchanged
	}
}

func (c *Change) addWarnings(texts []string) {
	for _, w := range texts {
		if !slices.Contains(c.Warnings, w) {
			c.Warnings = append(c.Warnings, w)
		}
	}
}

// changes compares two objects without what ignore rules hide, and counts what these hide.
func changes(live, merged object.Object, ignore ignorer) ([]FieldChange, int) {
	all := sortedChanges(live, merged)
	if len(all) == 0 {
		return nil, 0
	}
	if ignore.whole {
		return nil, len(all)
	}
	live, merged = live.Clone(), merged.Clone()
	ignore.strip(live)
	ignore.strip(merged)
	shown := sortedChanges(live, merged)
	return shown, max(0, len(all)-len(shown))
}

func sortedChanges(live, merged object.Object) []FieldChange {
	if object.Equal(map[string]any(live), map[string]any(merged)) {
		return nil // as of most objects: no path need be made
	}
	out := compare(nil, fieldwise(live), fieldwise(merged))
	slices.SortStableFunc(out, func(a, b FieldChange) int { return cmpPaths(a.Path, b.Path) })
	return out
}

// owner is the manager, other than us, that owns a live field; of several the one that changed it last.
func owner(entries []managed.Entry, live object.Object, p object.Path) (name, since string) {
	for _, e := range entries {
		if !isOurs(e) && e.Since >= since && e.Fields.Has(map[string]any(live), p) {
			name, since = e.Manager, e.Since
		}
	}
	return name, since
}

// serverCause finds what changes a field without anybody having asked for it: the server's own completion, or what we
// take over. It is "" for what the project asks for.
func serverCause(c *Change, f *FieldChange, live object.Object, entries []managed.Entry) Cause {
	if asked(c.desired, f) {
		return ""
	}
	for _, e := range entries {
		if isOurs(e) && e.Fields.Has(map[string]any(live), f.Path) {
			return ""
		}
	}
	if c.takeover != nil {
		taken, _ := c.takeover.split(entries)
		if taken.Has(map[string]any(live), f.Path) {
			return TakenOver
		}
	}
	return Defaulting
}

// asked says whether the object as applied has the field of a change, or something in it.
func asked(desired object.Object, f *FieldChange) bool {
	_, ok := f.Path.Lookup(map[string]any(desired))
	if ok || len(f.Path) == 0 {
		return true
	}
	// An element without a name stands elsewhere in the list: the list is asked for as a whole.
	last := f.Path[len(f.Path)-1]
	if last.List && last.Key == "" {
		_, ok = f.Path[:len(f.Path)-1].Lookup(map[string]any(desired))
	}
	return ok
}
