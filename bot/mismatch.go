package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

// A mismatch says in what a change is not the one that was shown.
type mismatch struct {
	// Text says in one line whether it is the project that says something else, or the cluster that has moved.
	Text string
	// Objects are those whose change is another one, as far as that is known.
	Objects []string
}

// mismatch compares a change with the one that was shown of a target. base says what the base branch did since then; ""
// where it is as it was.
func (s *Shown) mismatch(id ID, set *diff.ChangeSet, base string) mismatch {
	m := mismatch{Objects: s.others(id, set)}
	switch was := s.Rendered[id]; {
	case was == "":
		m.Text = "the change is not the one that the preview showed"
	case strings.HasPrefix(set.Rendered, was):
		m.Text = "only the cluster has moved since the preview"
		if len(m.Objects) > 0 {
			m.Text += ", in " + movedObjects(m.Objects, set)
		}
	case base != "":
		m.Text = base + " since the preview, and what is rendered is something else now"
	default:
		m.Text = "what is rendered is something else than for the preview, from the same commits: values that the project loads have changed"
	}
	return m
}

// others are the objects whose change is not the one that was shown; nil where that is not known.
func (s *Shown) others(id ID, set *diff.ChangeSet) []string {
	was, now := s.Objects[id], hashes(set)
	if was == nil || now == nil {
		return nil
	}
	out := map[string]bool{}
	for ref, hash := range now {
		out[ref] = was[ref] != hash
	}
	for ref := range was {
		out[ref] = was[ref] != now[ref]
	}
	maps.DeleteFunc(out, func(_ string, other bool) bool { return !other })
	return slices.Sorted(maps.Keys(out))
}

// movedObjects names objects that are not in the cluster as they were, and who has moved them.
func movedObjects(objects []string, set *diff.ChangeSet) string {
	const most = 3
	byRef := map[string]*diff.Change{}
	for c := range set.All() {
		byRef[c.Ref.String()] = c
	}
	var out []string
	for i, ref := range objects {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(objects)-most))
			break
		}
		out = append(out, ref+" ("+movedBy(byRef[ref])+")")
	}
	return strings.Join(out, ", ")
}

// movedBy says of an object what has become of it.
func movedBy(c *diff.Change) string {
	var by []string
	switch {
	case c == nil:
		return "is not there any more"
	case c.Op == diff.Unchanged:
		return "is as it is to be by now"
	case c.Op == diff.Create:
		return "is missing"
	}
	for _, f := range c.Fields {
		if f.Owner != "" {
			by = append(by, strings.TrimSuffix("set by "+f.Owner+" at "+f.Since, " at "))
		}
	}
	slices.Sort(by)
	if by = slices.Compact(by); len(by) == 0 {
		return "is not as it was"
	}
	return strings.Join(by[:min(2, len(by))], ", ")
}

// maxExcerpt is how many characters of a change an answer shows: the preview has all of it.
const maxExcerpt = 3000

// excerpt shows the change of the objects that a mismatch is about, as much of it as previews may show.
func (b *Bot) excerpt(ctx context.Context, m mismatch, set *diff.ChangeSet, comment CommentConfig, repo forge.Repo) string {
	if len(m.Objects) == 0 {
		return ""
	}
	var p report.Preview
	b.detail(ctx, &p, comment, repo, nil)
	detail := report.Full
	if p.Summary {
		detail = report.Names
	}
	return report.Excerpt(set, func(c *diff.Change) bool { return slices.Contains(m.Objects, c.Ref.String()) }, detail, maxExcerpt)
}

// changed are the objects that a change set writes to.
func changed(set *diff.ChangeSet) []string {
	var out []string
	for c := range set.All() {
		switch c.Op {
		case diff.Unchanged, diff.Await, diff.Skip:
		default:
			out = append(out, c.Ref.String())
		}
	}
	return out
}
