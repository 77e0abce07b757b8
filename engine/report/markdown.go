package report

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

// maxPoints is how many dangers of a target are told before everything else.
const maxPoints = 8

// detail is the most that is shown.
func (p Preview) detail() Detail {
	if p.Summary {
		return Names
	}
	return Full
}

// footer says of what kind the report is, where it does not show everything.
func (p Preview) footer(detail Detail) string {
	switch {
	case p.Summary && detail == Names && !slices.ContainsFunc(p.Targets, func(t TargetPreview) bool { return t.Set != nil && t.Set.Visible() }):
		return "" // there is nothing more to see
	case p.Summary && detail == Names:
		return "\n<sub>A summary: run <code>weighlock diff</code> to see what changes in the objects, or set <code>comment.detail: full</code> in .weighlock.yaml.</sub>\n"
	case detail > Full:
		return "\n<sub>" + leftOut[detail] + "</sub>\n"
	}
	return ""
}

var leftOut = map[Detail]string{
	Paths: "The bodies of new objects did not fit and are left out. The job's report has more, and <code>weighlock diff</code> shows all of it.",
	Names: "The changed paths did not fit and are left out. The job's report has more, and <code>weighlock diff</code> shows all of it.",
}

// details is a target's part of the report, in one piece.
func (t TargetPreview) details(parts []part) string {
	if t.Set == nil {
		return t.failed()
	}
	text := wholeBody(t.refused())
	if s := wholeBody(parts); s != "" {
		text += t.folded(s, "")
	}
	return text
}

// failed says why nothing is known of what would change.
func (t TargetPreview) failed() string {
	if t.Err == nil {
		return ""
	}
	what := map[string]string{
		"cluster unreachable": "the cluster cannot be reached, so what would change is not known",
		"does not render":     "the project does not render",
	}[t.Title()]
	if what == "" {
		what = "there is no preview"
	}
	return fmt.Sprintf("\n**%s**: %s:\n%s", Escape(t.Name), what, Fence("", message(t.worded(t.Err))))
}

// worded is an error as the preview shows it.
func (t TargetPreview) worded(err error) error {
	if t.summary {
		return WithoutValues(err)
	}
	return err
}

// folded is a part of the target's body that can be folded away; aside goes behind the target's name.
func (t TargetPreview) folded(body, aside string) string {
	return fmt.Sprintf("\n<details%s><summary><b>%s</b>%s: %s</summary>\n%s\n</details>\n", t.open(), htmlText(t.Name), aside, Count(t.Set), body)
}

// refused tells which objects the cluster refuses, and why.
func (t TargetPreview) refused() []part {
	failures := t.Set.Failures()
	if len(failures) == 0 {
		return nil
	}
	s := section{open: fmt.Sprintf("\n**%s**: the cluster refuses %s:\n", Escape(t.Name), count(len(failures), "object", "objects"))}
	list := make([]failure, len(failures))
	bySource := map[object.Ref]string{}
	for i, c := range failures {
		list[i], bySource[c.Ref] = failure{c.Ref, t.worded(c.Err)}, from(c)
	}
	var out []part
	for _, g := range grouped(list) {
		var names []string
		for _, r := range g.refs {
			names = append(names, refCode(r)+bySource[r])
		}
		out = append(out, part{section: s, text: fmt.Sprintf("%s\n%s", some(names, maxRefs), Fence("", message(g.err)+g.remedy))})
	}
	return out
}

// unfolded is up to how many changed objects are shown without a click.
const unfolded = 5

func (t TargetPreview) open() string {
	if n := Count(t.Set); n.Changes() <= unfolded {
		return " open"
	}
	return ""
}
