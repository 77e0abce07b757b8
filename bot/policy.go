package bot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
)

// A Gate is one condition of a deploy and whether it is met.
type Gate struct {
	// Name says in a word what the condition is about, one of few, for who counts refusals.
	Name  string
	State GateState
	// Text says the condition and, where it is not met, what is the case instead.
	Text string
	// Wants says in few words what has to happen for the gate to be met, whoever asks; "" where that is up to the one who
	// asks, or comes by itself.
	Wants string
	// Command, if set, is what to write instead.
	Command string
}

// A GateState says what is known of a gate.
type GateState string

// The states.
const (
	GateMet    GateState = "met"
	GateNotMet GateState = "not met"
	// GateUnasked is for what nobody has looked at, as another gate is not met: nothing is said of it.
	GateUnasked GateState = "not asked"
)

// state is that of a gate that was looked at.
func state(met bool) GateState {
	if met {
		return GateMet
	}
	return GateNotMet
}

// A Verdict is all gates of a deploy. Every one of them is looked at that may be, so that a refusal names all that is missing.
type Verdict []Gate

// called gives gates that have none their name; those without a state are not met.
func called(name string, gates ...Gate) Verdict {
	for i := range gates {
		gates[i].Name, gates[i].State = cmp.Or(gates[i].Name, name), cmp.Or(gates[i].State, GateNotMet)
	}
	return gates
}

// Met says whether the deploy may go ahead.
func (v Verdict) Met() bool { return len(v) > 0 && len(v.of(GateMet)) == len(v) }

// of are the gates that are in a state.
func (v Verdict) of(s GateState) Verdict {
	return slices.DeleteFunc(slices.Clone(v), func(g Gate) bool { return g.State != s })
}

// Wanted is what others still have to do.
func (v Verdict) Wanted() []string {
	var out []string
	for _, g := range v.of(GateNotMet) {
		if g.Wants != "" {
			out = append(out, g.Wants)
		}
	}
	return out
}

// A Fact is something that had to be found out. An Err says that it could not be: that is a no.
type Fact[T any] struct {
	Value T
	Err   error
}

// fact makes one of what a function returned.
func fact[T any](value T, err error) Fact[T] { return Fact[T]{value, err} }

// errUnread stands for what is not found out for a stranger, or of what a stranger has written.
var errUnread = errors.New("nothing is looked at for this")

// unknown is a gate about something that could not be found out, or was not asked.
func unknown(condition string, err error) Gate {
	if errors.Is(err, errUnread) {
		return Gate{State: GateUnasked, Text: condition}
	}
	return Gate{State: GateNotMet, Text: fmt.Sprintf("%s (this could not be found out: %v)", condition, err)}
}

// An Approval is that of a reviewer who may write to the repository, for a commit; or what keeps others' from counting.
type Approval struct {
	By     forge.User
	Commit string
	// At is when, zero where the forge does not tell.
	At time.Time
	// Against says that they ask for changes.
	Against bool
}

// A Check is the state of somebody else's check.
type Check struct {
	Name  string
	Green bool
	// State is the forge's word for it, such as "failure" or "queued".
	State string
}

// A Request is what is known when a command asks for a deploy.
type Request struct {
	Command     Command
	Job         Job
	PullRequest forge.PullRequest
	Actor       forge.User
	// Permission is what the actor may do in the repository.
	Permission Fact[forge.Permission]
	// Team is the first of the policy's teams that the actor is in, "" for none.
	Team Fact[string]
	// Unowned are the touched files that the actor does not own.
	Unowned Fact[[]string]
	Facts
	// Shown is what our comment shows of the pull request; nil when there is no comment of ours.
	Shown *Shown
	// Asked is when the command was written.
	Asked time.Time
	// Tree is what would be deployed: the head merged onto the base, or once that is merged what the base branch is at. Of what nobody
	// has looked at, the commit alone is known.
	Tree checkout.Tree
	// Base is the base branch's commit now.
	Base string
	// From is the branch that the target is deployed from, where the pull request goes to another one; else "".
	From string
	// Moved says how the target leads elsewhere than the base branch says; "" when it does not.
	Moved Fact[string]
}

// Facts are what is known of a pull request and a target, whoever asks.
type Facts struct {
	Approvals Fact[[]Approval]
	// Checks are those that the policy wants green.
	Checks Fact[[]Check]
	// After is what was deployed last to each of the targets that go first, the zero value for nothing.
	After map[string]Fact[checkout.Tree]
	// ShownSince, if set, is since when what would be deployed is shown: who approved before has seen something else.
	ShownSince time.Time
}

// Judge looks at all gates of a deploy by command.
func Judge(r Request) Verdict {
	pr := r.PullRequest
	v := called("actor", r.allowed()...)
	gate := func(name string, met bool, yes, no string) {
		v = append(v, Gate{Name: name, State: state(met), Text: pick(met, yes, no)})
	}
	by := fmt.Sprintf("%s is deployed by comment", r.Job.ID)
	if never := r.Job.Policy.Deploy == DeployNever; r.Moved.Err != nil && !never {
		v = append(v, called("policy", unknown(by, r.Moved.Err))...) // whether there is such a target at all
	} else {
		gate("policy", !never, by, by+" (its policy says never)")
	}
	merged := pr.State == forge.StateMerged
	pinned := Command{Verb: VerbDeploy, Commit: r.Tree.Head}.on(r.Job.ID)
	if merged {
		gate("state", r.Command.Commit != "", "the pull request is merged and the command names a commit",
			"the pull request is open (it is merged: name the commit that the preview shows)")
		v[len(v)-1].Command = pick(r.Command.Commit == "", pinned, "")
	} else {
		gate("state", pr.State == forge.StateOpen, "the pull request is open", fmt.Sprintf("the pull request is open (it is %s)", pr.State))
		gate("fork", !pr.Fork, "the change comes from this repository", "the change comes from this repository (a fork's is deployed once it is merged)")
	}
	if r.From != "" {
		gate("branch", false, "", fmt.Sprintf("%s is deployed from %s (this pull request goes to %s)", r.Job.ID, r.From, pr.Base.Name))
	}
	if there := "the target is where the base branch has it"; r.Moved.Err != nil {
		v = append(v, called("target", unknown(there, r.Moved.Err))...)
	} else {
		gate("target", r.Moved.Value == "", there, fmt.Sprintf("%s (%s)", there, r.Moved.Value))
	}
	what := pick(merged, fmt.Sprintf("what %s is at", pr.Base.Name), "the head")
	if r.Command.Commit != "" {
		gate("commit", strings.HasPrefix(r.Tree.Head, r.Command.Commit), what+" is the commit that the command names",
			fmt.Sprintf("%s is the commit that the command names (%s; it is %s)", what, r.Command.Commit, short(r.Tree.Head)))
	} else if r.Job.Policy.Pin && !merged {
		v = append(v, Gate{Name: "commit", State: GateNotMet, Text: fmt.Sprintf("the command names the commit (%s is pinned)", r.Job.ID), Command: pinned})
	}
	if merged && (r.Job.Policy.Approvals > 0 || r.Job.Policy.Codeowners) {
		v = append(v, r.alone())
	}
	v = append(v, r.Gates(r.Job.Policy, pr, r.Tree)...)
	return append(v, called("preview", r.reviewed(what)...)...)
}

// allowed are the gates about the person who asks.
func (r Request) allowed() Verdict {
	policy, who := r.Job.Policy, fmt.Sprintf("@%s may deploy %s", r.Actor.Login, r.Job.ID)
	var v Verdict
	switch {
	case r.Permission.Err != nil:
		v = append(v, unknown(who, r.Permission.Err))
	case r.Permission.Value < policy.Allow.Permission:
		v = append(v, Gate{State: GateNotMet, Text: fmt.Sprintf("%s (needs permission %s, has %s)", who, policy.Allow.Permission, r.Permission.Value)})
	default:
		v = append(v, Gate{State: GateMet, Text: who})
	}
	if named := append(slices.Clone(policy.Allow.Teams), policy.Allow.Users...); len(named) > 0 {
		one := fmt.Sprintf("@%s is one of those named for %s", r.Actor.Login, r.Job.ID)
		switch {
		case slices.ContainsFunc(policy.Allow.Users, func(u string) bool { return strings.EqualFold(u, r.Actor.Login) }):
			v = append(v, Gate{State: GateMet, Text: one})
		case r.Team.Value != "":
			v = append(v, Gate{State: GateMet, Text: fmt.Sprintf("@%s is in team %s", r.Actor.Login, r.Team.Value)})
		case r.Team.Err != nil:
			v = append(v, unknown(one, r.Team.Err))
		default:
			v = append(v, Gate{State: GateNotMet, Text: fmt.Sprintf("%s (%s)", one, strings.Join(named, ", "))})
		}
	}
	if !policy.Codeowners {
		return v
	}
	owns := fmt.Sprintf("@%s owns all files that are touched", r.Actor.Login)
	switch {
	case r.Unowned.Err != nil:
		v = append(v, unknown(owns, r.Unowned.Err))
	case len(r.Unowned.Value) > 0:
		v = append(v, Gate{State: GateNotMet, Text: fmt.Sprintf("%s (not %s)", owns, some(r.Unowned.Value))})
	default:
		v = append(v, Gate{State: GateMet, Text: owns})
	}
	return v
}

// some are the first of many names.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Gates are those that others have to meet before something may be deployed, whoever asks for it.
func (f Facts) Gates(policy TargetPolicy, pr forge.PullRequest, what checkout.Tree) Verdict {
	var v Verdict
	if pr.Draft && pr.State == forge.StateOpen {
		v = append(v, Gate{Name: "draft", State: GateNotMet, Text: "the pull request is not a draft", Wants: "it is no draft"})
	}
	if policy.Approvals > 0 {
		v = append(v, called("approvals", f.approved(policy.Approvals, pr))...)
	}
	if policy.Checks != ChecksNone {
		v = append(v, called("checks", f.green(policy.Checks)...)...)
	}
	for _, name := range policy.After {
		v = append(v, called("after", first(name, f.After[name], what))...)
	}
	return v
}

// first says that a target which goes first runs what is to be deployed: not only its commit, but all that this was merged with.
func first(name string, at Fact[checkout.Tree], what checkout.Tree) Gate {
	g := Gate{Text: name + " runs what is to be deployed", Wants: name + " at this commit"}
	switch {
	case at.Err != nil:
		not := unknown(g.Text, at.Err)
		g.State, g.Text = not.State, not.Text
	case at.Value == checkout.Tree{}:
		g.Text += " (it was never deployed)"
		g.Command = Command{Verb: VerbDeploy}.on(ID(name))
	case sameTree(at.Value, what):
		g.State = GateMet
	default:
		g.Text += fmt.Sprintf(" (it runs %s, and this is %s)", merge(at.Value), merge(what))
		if at.Value.Head == what.Head {
			g.Wants = fmt.Sprintf("%s at %s", name, merge(what))
		}
	}
	return g
}

// sameTree says whether two things that were, or would be, deployed hold the same files. Where it is not known of one of them which
// these are, such as of what was deployed from a clone, they are the same if they are made of the same commits.
func sameTree(a, b checkout.Tree) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	return a.Head == b.Head && a.Base == b.Base
}

// merge says of which commits a tree is made.
func merge(t checkout.Tree) string {
	return strings.TrimSuffix(short(t.Head)+" onto "+short(t.Base), " onto ")
}

// alone says that what is deployed of a merged pull request is what was approved of it: that nothing else has been merged since. A
// head that was approved says nothing of what others bring.
func (r Request) alone() Gate {
	pr, g := r.PullRequest, Gate{Name: "approvals", Text: fmt.Sprintf("nothing else came to %s since it was merged", r.PullRequest.Base.Name)}
	if g.State = state(pr.MergeCommit == r.Tree.Head); g.State != GateMet {
		g.Text += fmt.Sprintf(" (it was merged as %s, %s is at %s: deploy from the pull request that was merged last)", short(pr.MergeCommit), pr.Base.Name, short(r.Tree.Head))
	}
	return g
}

// approved counts the people who approve the head commit.
func (f Facts) approved(want int, pr forge.PullRequest) Gate {
	g := Gate{Text: fmt.Sprintf("%d %s of %s", want, plural(want, "approval", "approvals"), short(pr.Head.SHA))}
	g.Wants = g.Text
	if f.Approvals.Err != nil {
		not := unknown(g.Text, f.Approvals.Err)
		g.State, g.Text = not.State, not.Text
		return g
	}
	var by, others, against []string
	for _, a := range f.Approvals.Value {
		name := "@" + a.By.Login
		switch {
		case a.Against:
			against = append(against, name+" requests changes")
		case a.By.Same(pr.Author), slices.Contains(by, name):
		case a.Commit == pr.Head.SHA && a.At.Before(f.ShownSince):
			others = append(others, name+" approved before the preview showed this")
		case a.Commit == pr.Head.SHA:
			by = append(by, name)
		case a.Commit == "":
			others = append(others, name+" approved, and the forge does not say that it was this commit")
		default:
			others = append(others, fmt.Sprintf("%s approved %s, before the last push", name, short(a.Commit)))
		}
	}
	g.State = state(len(by) >= want && len(against) == 0)
	parts := []string{fmt.Sprint(len(by))}
	if len(by) > 0 {
		parts = []string{"by " + strings.Join(by, ", ")}
	}
	if g.State != GateMet {
		parts = append(append(parts, against...), others...)
		g.Wants += fmt.Sprintf(" (%s)", strings.Join(append([]string{fmt.Sprintf("%d so far", len(by))}, against...), ", "))
	}
	g.Text += " (" + strings.Join(parts, "; ") + ")"
	return g
}

// green looks at the checks of others.
func (f Facts) green(mode ChecksMode) Verdict {
	text := pick(mode == ChecksAll, "all other checks are green", "the required checks are green")
	if f.Checks.Err != nil {
		not := unknown(text, f.Checks.Err)
		not.Wants = text
		return Verdict{not}
	}
	var red []string
	for _, c := range f.Checks.Value {
		if !c.Green {
			red = append(red, fmt.Sprintf("%s: %s", c.Name, c.State))
		}
	}
	if len(red) > 0 {
		return Verdict{{Text: fmt.Sprintf("%s (%s)", text, some(red)), Wants: "green checks (" + some(red) + ")"}}
	}
	if len(f.Checks.Value) == 0 {
		return nil // nobody checks anything: there is nothing to say
	}
	return Verdict{{State: GateMet, Text: text}}
}

// reviewed are the gates that bind a deploy to what the comment shows.
func (r Request) reviewed(what string) Verdict {
	if r.Shown == nil {
		return Verdict{{Text: "a preview was shown (there is none yet)", Command: Command{Verb: VerbDiff}.on(r.Job.ID)}}
	}
	var v Verdict
	gate := func(met bool, yes, no string) { v = append(v, Gate{State: state(met), Text: pick(met, yes, no)}) }
	gate(r.Shown.Digests[r.Job.ID] != "", "a preview was shown",
		fmt.Sprintf("a preview of %s was shown (it has errors, or is not there because the change does not affect the target)", r.Job.ID))
	if r.Shown.Digests[r.Job.ID] == "" {
		v[0].Command = Command{Verb: VerbDiff}.on(r.Job.ID)
	}
	gate(r.Shown.Head == r.Tree.Head, "the preview is of "+what,
		fmt.Sprintf("the preview is of %s (it shows %s, %s is %s)", what, short(r.Shown.Head), what, short(r.Tree.Head)))
	switch since := r.Shown.Since[r.Job.ID]; {
	case r.Shown.Digests[r.Job.ID] == "":
	case since.IsZero():
		gate(false, "", fmt.Sprintf("the command was written after the preview (since when that shows this is not known: %s shows it anew)", Command{Verb: VerbDiff}.on(r.Job.ID)))
	case since.After(r.Asked):
		gate(false, "", fmt.Sprintf("the command was written after the preview (which shows this since %s: read it, then repeat the command)", since.UTC().Format("2006-01-02 15:04 UTC")))
	}
	gate(r.Shown.Base == r.Base, "the preview is onto the base branch as it is",
		fmt.Sprintf("the preview is onto the base branch as it is (it shows %s, %s is at %s)", short(r.Shown.Base), r.PullRequest.Base.Name, short(r.Base)))
	if why := r.Shown.Guarded[r.Job.ID]; why != "" && r.Command.Verb != VerbPrune { // which says so itself
		gate(r.Command.Prune, "the command says "+flagPrune, fmt.Sprintf("the command says %s (%s)", flagPrune, why))
	}
	return v
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func plural(n int, one, many string) string { return pick(n == 1, one, many) }

func short(sha string) string { return sha[:min(len(sha), 7)] }
