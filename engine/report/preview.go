package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
)

// A Preview is what a pull request would do to some targets.
type Preview struct {
	// Head and Base are the commits that were merged for it; BaseName is the base branch.
	Head, Base, BaseName string
	// At is when the clusters were compared, as text such as "14:02 UTC".
	At      string
	Targets []TargetPreview
	// Problem, if set, is why there are no targets to show, such as a merge conflict.
	Problem string
	// Mended, if set, is what is wrong with the configuration of the base and right with that of the pull request: there are no
	// targets before it is merged.
	Mended string
	// Broken are faults of the pull request that are none of a target.
	Broken []string
	// Policy says, in Markdown, how who may do what would be another once it is merged, and Warnings what else to look at.
	Policy, Warnings []string
	// Notice, in Markdown, says why there are none although nothing is wrong, or what it means that they are Offline.
	Notice string
	// Offline says that two renders were compared, and no cluster.
	Offline bool
	// Summary shows the names of objects alone, and of errors the fields that they are about.
	Summary bool
	// Merged says that Head is in the base branch already.
	Merged bool
	// Unchanged says what is told of targets without changes.
	Unchanged Unchanged
}

// Unchanged says what a preview tells of targets without changes.
type Unchanged int

// The ways: in one line for all, with a row for each, or not at all.
const (
	FoldUnchanged Unchanged = iota
	ShowUnchanged
	HideUnchanged
)

// A TargetPreview is one target's part of a [Preview].
type TargetPreview struct {
	Name string
	// Set is what would change; nil when Err says why that is not known.
	Set *diff.ChangeSet
	Err error
	// Unaffected, if set, says why the target was not compared, such as "not affected". Set and Err are nil then.
	Unaffected string
	// Next says, in Markdown, how the change gets to the cluster.
	Next string
	// Last is the target's last deploy; nil where none is known.
	Last *Deploy

	summary bool // no value is shown, nor of errors
}

// A Deploy is one of the past.
type Deploy struct {
	// Commit is what was deployed, "" where that is not known, and By who did.
	Commit, By string
	At         time.Time
	// Failed says that it did not do all that it was to do.
	Failed bool
}

// A RenderError says that a target's objects could not be rendered, so that there is nothing to compare.
type RenderError struct{ Err error }

// Error is the cause's text.
func (e *RenderError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RenderError) Unwrap() error { return e.Err }

// Unreachable says that nothing is known because the cluster does not answer: another try may do better, a push will not.
func (t TargetPreview) Unreachable() bool { return errors.As(t.Err, new(*diff.UnreachableError)) }

// Title is the target's state in plain words.
func (t TargetPreview) Title() string {
	switch {
	case t.Unaffected != "":
		return t.Unaffected
	case t.Unreachable():
		return "cluster unreachable"
	case errors.As(t.Err, new(*RenderError)):
		return "does not render"
	case t.Err != nil:
		return "no preview"
	}
	return Count(t.Set).String()
}

// Headline is the preview in a few words.
func (p Preview) Headline() string {
	if p.Problem != "" {
		return "no preview"
	}
	if p.Mended != "" {
		return "mends the configuration"
	}
	if p.Notice != "" && !p.Offline {
		return "not looked at yet"
	}
	changes, failed, unreachable, compared := 0, 0, 0, 0
	for _, t := range p.Targets {
		if t.Unaffected != "" {
			continue
		}
		compared++
		switch {
		case t.Unreachable():
			unreachable++
		case t.Err != nil:
			failed++
		default:
			changes += Count(t.Set).Changes()
			if Count(t.Set).Failed > 0 {
				failed++
			}
		}
	}
	all := count(len(p.Targets), "target", "targets")
	targets := all
	if compared < len(p.Targets) {
		targets = fmt.Sprintf("%d of %s", compared, all)
	}
	if len(p.Broken) > 0 {
		all, targets = "broken configuration, "+all, "broken configuration, "+targets
	}
	switch {
	case compared == 0 && len(p.Targets) > 0:
		return all + ", none affected"
	case failed+unreachable > 0:
		if failed > 0 {
			targets += fmt.Sprintf(", %d with errors", failed)
		}
		if unreachable > 0 {
			targets += fmt.Sprintf(", %d unreachable", unreachable)
		}
		return targets
	case changes == 0:
		return targets + ", no changes"
	}
	return fmt.Sprintf("%s, %s", targets, count(changes, "change", "changes"))
}

// head is what comes first: the headline, a row a target, and what to look at twice, at most so many points of each target.
func (p Preview) head(points int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Weighlock: %s\n", p.Headline())
	if p.Merged {
		fmt.Fprintf(&b, "%s, what %s is at", Code(Short(p.Head)), Code(p.BaseName))
	} else {
		fmt.Fprintf(&b, "%s onto %s at %s", Code(Short(p.Head)), Code(p.BaseName), Code(Short(p.Base)))
	}
	switch {
	case p.Offline:
		b.WriteString(", rendered and compared without a cluster")
	case p.At != "":
		fmt.Fprintf(&b, ", compared with the cluster at %s", p.At)
	}
	b.WriteString(".\n")
	if p.Problem != "" {
		fmt.Fprintf(&b, "\n> [!CAUTION]\n%s\n", quote(message(errors.New(p.Problem))))
	}
	if p.Mended != "" {
		fmt.Fprintf(&b, "\n> [!NOTE]\n> The configuration of %s is broken, and this mends it: what it changes in clusters is previewed and can be deployed once it is merged.\n%s\n", Code(p.BaseName), quote(message(errors.New(p.Mended))))
	}
	if p.Notice != "" {
		fmt.Fprintf(&b, "\n> [!NOTE]\n> %s\n", p.Notice)
	}
	for _, fault := range p.Broken {
		fmt.Fprintf(&b, "\n> [!CAUTION]\n%s\n", quote(message(errors.New(fault))))
	}
	b.WriteString(alert("IMPORTANT", "This changes who may do what, or where a target leads, from when it is merged on:", p.Policy) + alert("WARNING", "Likely slips in the configuration:", p.Warnings))
	rows := p.Targets
	if p.Unchanged != ShowUnchanged {
		rows = slices.DeleteFunc(slices.Clone(rows), TargetPreview.quiet)
	}
	if len(rows) > 0 {
		b.WriteString("\n| target | changes | next |\n|---|---|---|\n")
		for _, t := range rows {
			fmt.Fprintf(&b, "| **%s** | %s | %s |\n", Cell(Escape(t.Name)), t.changes(), Cell(t.Next))
		}
	}
	if p.Unchanged == FoldUnchanged {
		b.WriteString(p.quietly())
	}
	for _, t := range rows {
		b.WriteString(t.danger(points, p.Summary))
	}
	return b.String() + lastDeploys(rows)
}

// alert is one with a list of Markdown texts, "" for none.
func alert(kind, title string, texts []string) string {
	const most = 20
	if len(texts) == 0 {
		return ""
	}
	out := fmt.Sprintf("\n> [!%s]\n> %s\n>\n", kind, title)
	for _, text := range texts[:min(len(texts), most)] {
		out += "> - " + strings.Join(strings.Fields(text), " ") + "\n"
	}
	if len(texts) > most {
		out += fmt.Sprintf("> - and %d more\n", len(texts)-most)
	}
	return out
}

// quiet says whether there is nothing to tell of a target but that.
func (t TargetPreview) quiet() bool {
	return t.Unaffected != "" || t.Err == nil && !t.Set.Changed() && len(t.Set.Failures()) == 0 && len(t.parts(Full)) == 0
}

// quietly names the targets of which there is nothing else to tell, by why that is.
func (p Preview) quietly() string {
	var order []string
	by := map[string][]string{}
	for _, t := range p.Targets {
		if !t.quiet() {
			continue
		}
		why := t.Title()
		if by[why] == nil {
			order = append(order, why)
		}
		by[why] = append(by[why], "**"+Escape(t.Name)+"**")
	}
	if len(order) == 0 {
		return ""
	}
	for i, why := range order {
		order[i] = strings.ToUpper(why[:1]) + why[1:] + ": " + some(by[why], 20) + "."
	}
	return "\n" + strings.Join(order, " ") + "\n"
}

// some lists texts, the first of many.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// lastDeploys says when targets were deployed last, in one line.
func lastDeploys(targets []TargetPreview) string {
	var all []string
	for _, t := range targets {
		if t.Last == nil {
			continue
		}
		text := "**" + Escape(t.Name) + "**"
		if t.Last.Commit != "" {
			text += " " + Code(Short(t.Last.Commit))
		}
		text += fmt.Sprintf(" by %s, %s", Escape(t.Last.By), t.Last.At.UTC().Format("2006-01-02 15:04 UTC"))
		if t.Last.Failed {
			text += " (failed)"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("\n<sub>Last %s: %s.</sub>\n", plural(len(all), "deploy", "deploys"), some(all, 10))
}

// changes is the target's state for the table.
func (t TargetPreview) changes() string {
	switch {
	case t.Unreachable():
		return "🔌 " + t.Title()
	case t.Err != nil:
		return "❌ " + t.Title()
	case t.Unaffected != "":
		return t.Title()
	}
	text := Count(t.Set).join(func(s string, danger bool) string {
		if danger {
			return "**" + s + "**"
		}
		return s
	})
	if n := len(NewDocument(t.Set, nil).Warnings); n > 0 {
		text += ", ⚠️ " + count(n, "warning", "warnings")
	}
	return text
}
