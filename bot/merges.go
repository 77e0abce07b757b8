package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
)

// An incoming is a pull request that has become part of the branch that a push deploys, with what it showed last.
type incoming struct {
	forge.PullRequest
	// commit is the branch's, as of the merge.
	commit string
	shown  *Shown
	// said is what pushes have said on its pull request of targets.
	said said
	// untold are deploys that have brought its change to a target, and were not told of: who was to tell has died.
	untold map[ID]history.Entry
	// unread says that it could not be found out whether there are some.
	unread bool
	// earlier says that an earlier push has merged it: then what is decided is not its to bring any more.
	earlier bool
	// beneath is what the branch was at below an earlier one.
	beneath string
}

// brings says whether the merge brings a change of a target that no push before this one has decided about.
func (m incoming) brings(id ID) bool {
	return m.shown != nil && !m.shown.ofMerged() && m.shown.changes(id) && !(m.earlier && m.said.decided[id])
}

// waits begins an answer that leaves a target to a later push, leaves one of a push that has left another target to a later one.
const (
	waits  = "⏳"
	leaves = "<!-- weighlock:left -->\n"
)

// said is what pushes have said on a pull request.
type said struct {
	// decided are the targets that are deployed, or wait for a person, and waiting those that are left to a later push, or have failed.
	decided, waiting map[ID]bool
	// left says that a push that has decided has left something to a later one, if only of others.
	left bool
}

func saidBy(ours []forge.Comment) said {
	out := said{decided: map[ID]bool{}, waiting: map[ID]bool{}}
	for _, c := range ours {
		push, target := pushAnswered(c.Body)
		if !push {
			continue
		}
		text, left := strings.CutPrefix(afterMarker(c.Body), leaves)
		out.left = out.left || left
		switch {
		case strings.HasPrefix(text, waits), strings.HasPrefix(text, "❌"): // which the next push may try, as it was shown
			out.waiting[target] = true
		default:
			out.decided[target] = true
		}
	}
	return out
}

// merges are the pull requests that a push has merged, newest first, and behind them those of pushes right before it that were not
// deployed because this one came: who merges twice in a row wants both deployed, and told of. Of a long row of commits the newest ones
// are asked for.
func (b *Bot) merges(ctx context.Context, t *tree, p pushed, jobs []Job) ([]incoming, error) {
	const most, mostEarlier = 20, 8
	var out []incoming
	var row []string
	known := map[int]bool{}
	at, earlier := p.After, 0
	for len(row) < most && earlier <= mostEarlier {
		row = append(row, at)
		prs, err := b.Forge.PullRequestsOf(ctx, p.Repo, at)
		if err != nil {
			return nil, err
		}
		for n := range out {
			if out[n].beneath == "" && !slices.ContainsFunc(prs, func(pr forge.PullRequest) bool { return pr.Number == out[n].Number }) {
				out[n].beneath = at
			}
		}
		settled := false
		for _, pr := range prs {
			became := pr.MergeCommit == at || pr.MergeCommit == "" || at == p.After && len(out) == 0
			if known[pr.Number] || pr.State != forge.StateMerged || pr.Base.Name != p.Branch || !became {
				continue
			}
			known[pr.Number] = true
			ours, err := b.ourComments(ctx, pr)
			if err != nil {
				return nil, err
			}
			m := incoming{PullRequest: pr, commit: at, shown: b.shownBy(ctx, pr, ours), said: saidBy(ours), untold: map[ID]history.Entry{}, earlier: earlier > 0}
			out = append(out, m)
			settled = settled || m.earlier && m.isSettled(jobs)
		}
		if settled {
			break // so is what came before it
		}
		parents, err := p.repo.Parents(ctx, at)
		if err != nil {
			return nil, err
		}
		if len(parents) == 0 {
			break
		}
		if earlier > 0 || p.Before == "" || parents[0] == p.Before {
			earlier++
		}
		at = parents[0]
		if err := p.repo.Fetch(ctx, at); err != nil {
			return nil, err
		}
	}
	if earlier == 0 { // history was written anew, or it is a long row: what came by this push alone is what it was made at
		for n := range out {
			out[n].earlier = out[n].commit != p.After
		}
	}
	// What an earlier one stands on must be known: it is what its change is judged by.
	out = slices.DeleteFunc(out, func(m incoming) bool { return m.earlier && m.beneath == "" })
	for _, j := range jobs {
		b.deployedAlready(ctx, t, j, out, row)
	}
	return out, nil
}

// deployedAlready takes from earlier merges what the target's own history has deployed since: answers can be deleted, and whoever was to give
// them can die. Where that cannot be read, they bring nothing.
func (b *Bot) deployedAlready(ctx context.Context, t *tree, j Job, merges []incoming, row []string) {
	open := func(m incoming) bool { return m.earlier && (m.brings(j.ID) || m.said.waiting[j.ID]) }
	if !slices.ContainsFunc(merges, open) {
		return
	}
	deploys, err := b.wentWell(ctx, t, j)
	if err != nil {
		b.Log.WarnContext(ctx, "what was deployed last cannot be read: nothing of earlier merges is deployed", "target", j.ID, "error", err)
	}
	at := func(e history.Entry) int {
		return slices.IndexFunc(row, func(commit string) bool { return commit == e.Commit || commit == e.Onto })
	}
	for n, m := range merges {
		if !open(m) {
			continue
		}
		if err != nil {
			m.said.decided[j.ID], merges[n].unread = true, true
			continue
		}
		for _, e := range deploys { // the newest first, down to the one that brought it
			if has := at(e) >= 0 && at(e) <= slices.Index(row, m.commit); has {
				m.said.decided[j.ID], merges[n].untold[j.ID] = true, e
			}
		}
		if m.said.decided[j.ID] {
			delete(m.said.waiting, j.ID) // what becomes of it now is another one's
		}
	}
}

// isSettled says that a push has decided about all that this merge and those before it brought to targets that pushes deploy. Where
// there is nothing to tell that by, it is not.
func (m incoming) isSettled(jobs []Job) bool {
	return !m.said.left && slices.ContainsFunc(jobs, func(j Job) bool { return m.said.decided[j.ID] }) &&
		!slices.ContainsFunc(jobs, func(j Job) bool { return m.brings(j.ID) || m.said.waiting[j.ID] })
}

// own are the merges of the push itself.
func (p pushed) own() []incoming {
	if i := slices.IndexFunc(p.merges, func(m incoming) bool { return m.earlier }); i >= 0 {
		return p.merges[:i]
	}
	return p.merges
}

// merged is the pull request whose merge the push is, nil for none.
func (p pushed) merged() *forge.PullRequest {
	if len(p.merges) == 0 || p.merges[0].commit != p.After {
		return nil
	}
	return &p.merges[0].PullRequest
}

// bringing are the merges that bring a change of a target, newest first.
func (p pushed) bringing(id ID) []incoming {
	var out []incoming
	for _, m := range p.merges {
		if m.brings(id) {
			out = append(out, m)
		}
	}
	return out
}

// judgedBy are the merges by which a target's change is judged, the one that has to have shown it first: those that bring one, else
// all of the push, if it is a merge.
func (p pushed) judgedBy(id ID) []incoming {
	if all := p.bringing(id); len(all) > 0 {
		return all
	}
	if p.merged() == nil {
		return nil
	}
	return p.own()
}

// pullRequest is the one that has to have shown a target's change; the zero value for none.
func (p pushed) pullRequest(id ID) forge.PullRequest {
	if all := p.judgedBy(id); len(all) > 0 {
		return all[0].PullRequest
	}
	return forge.PullRequest{}
}

// approvedSince is the time from which on approvals of that pull request are ones of what it shows of a target.
func (p pushed) approvedSince(id ID) time.Time {
	if all := p.judgedBy(id); len(all) > 0 {
		return all[0].shown.approvedSince(id)
	}
	return time.Time{}
}

// since is what the branch was at before all that is judged now of a target.
func (p pushed) since(id ID) string {
	if all := p.bringing(id); len(all) > 0 && all[len(all)-1].earlier {
		return all[len(all)-1].beneath
	}
	return p.Before
}

// hearing are the merges on whose pull requests is said what became of a target. One that brings no change of it hears where there is
// something to know, and where it has shown it, or nothing at all.
func (p pushed) hearing(id ID, remarkable bool) []incoming {
	bringing := len(p.bringing(id)) > 0
	var out []incoming
	for _, m := range p.merges {
		hears := m.brings(id) || m.said.waiting[id]
		if !m.earlier && !bringing {
			hears = hears || remarkable || m.shown == nil || m.shown.Digests[id] != ""
		}
		if hears {
			out = append(out, m)
		}
	}
	return out
}

// asked puts the pull request in front of those that hear of a target from which a person can deploy it: where approvals are asked for,
// that is the one that was merged last alone.
func (p pushed) asked(j Job, hearing []incoming) []incoming {
	own := p.own()
	if len(hearing) == 0 || !hearing[0].earlier || len(own) == 0 || j.Policy.Approvals == 0 && !j.Policy.Codeowners {
		return hearing
	}
	return append([]incoming{own[0]}, hearing...)
}

// mismatch says in what a change is not the one that the pull request that brings it showed last; nil where it is.
func (p pushed) mismatch(id ID, set *diff.ChangeSet) *mismatch {
	all := p.judgedBy(id)
	m := all[0]
	switch {
	case m.shown == nil, m.shown.Digests == nil:
		return &mismatch{Text: "the pull request showed no preview"}
	case m.shown.ofMerged():
		return &mismatch{Text: "the preview has been renewed since the merge"}
	case m.shown.Head == m.Head.SHA && m.shown.Digests[id] == set.Digest:
		return nil
	case m.shown.Head != m.Head.SHA:
		return &mismatch{Text: fmt.Sprintf("the preview was of %s, and %s was merged", short(m.shown.Head), short(m.Head.SHA))}
	case m.shown.Digests[id] == "":
		return &mismatch{Text: "the pull request showed no change of this target, yet the cluster is not as the branch has it", Objects: changed(set)}
	}
	others := slices.DeleteFunc(slices.Clone(p.own()), func(o incoming) bool { return o.Number == m.Number })
	before := p.Before
	if m.earlier {
		before = m.beneath
	}
	base := ""
	switch {
	case len(others) > 0 && !m.earlier:
		base = "the same push has merged " + others[0].String() + ", too"
		if n := len(others); n > 1 {
			base = fmt.Sprintf("the same push has merged %s and %d more, too", others[0], n-1)
		}
	case m.shown.Base != before:
		base = fmt.Sprintf("%s has moved on from %s to %s", p.Branch, short(m.shown.Base), short(before))
	case len(all) > 1:
		base = fmt.Sprintf("%s, which brings a change of it, too, has not been deployed", all[1])
	case m.earlier:
		base = fmt.Sprintf("%s has moved on to %s", p.Branch, short(p.After))
	}
	out := m.shown.mismatch(id, set, base)
	return &out
}

// othersApproved are the gates of approvals that the further pull requests lack whose changes are deployed.
func (b *Bot) othersApproved(ctx context.Context, j Job, p pushed) Verdict {
	all := p.judgedBy(j.ID)
	if j.Policy.Approvals == 0 || len(all) == 0 {
		return nil
	}
	var v Verdict
	for _, m := range all[1:] {
		g := (Facts{Approvals: fact(b.approvals(ctx, m.PullRequest)), ShownSince: m.shown.approvedSince(j.ID)}).approved(j.Policy.Approvals, m.PullRequest)
		g.Name, g.Text = "approvals", "not met: "+g.Text+", for "+m.String()
		v = append(v, g)
	}
	return v.of(GateNotMet)
}
