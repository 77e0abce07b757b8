package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
)

// A danger is what somebody should look at twice before it happens.
type danger struct {
	rank int
	// text is Markdown that goes on behind the target's name.
	text string
}

// The ranks of dangers: what takes most along comes first. Up to rankReplaced something is lost.
const (
	rankNamespace = iota
	rankDefinition
	rankClaim
	rankDeleted
	rankReplaced
	rankRights
)

// maxConsequences is how many characters are told of what goes with an object; the rest is in its part of the report.
const maxConsequences = 400

// dangers finds what cannot be undone, and what gives rights. brief tells of rights only whose they are.
func dangers(set *diff.ChangeSet, brief bool) []danger {
	var out []danger
	var plain []string
	for c := range set.All() {
		lost := ""
		if len(c.Consequences) > 0 {
			lost = ": " + Escape(cutText(strings.Join(c.Consequences, "; "), maxConsequences))
		}
		switch {
		case c.Err != nil:
		case c.Op == diff.Delete && lost == "" && rank(c) == rankDeleted:
			plain = append(plain, refCode(c.Ref))
		case c.Op == diff.Delete:
			out = append(out, danger{rank(c), "deletes " + refCode(c.Ref) + lost})
		case c.Op == diff.Replace:
			if lost == "" {
				lost = ": it is deleted and created anew"
			}
			out = append(out, danger{rank(c), "replaces " + refCode(c.Ref) + lost})
		case lost != "":
			out = append(out, danger{rankDefinition, "narrows " + refCode(c.Ref) + lost})
		}
		if text := rights(c, brief); text != "" && c.Err == nil {
			out = append(out, danger{rankRights, text})
		}
	}
	switch n := len(plain); {
	case n > 3:
		out = append(out, danger{rankDeleted, fmt.Sprintf("deletes %d objects: %s", n, some(plain, 5))})
	case n > 0:
		out = append(out, danger{rankDeleted, "deletes " + strings.Join(plain, ", ")})
	}
	slices.SortStableFunc(out, func(a, b danger) int { return a.rank - b.rank })
	return out
}

func rank(c *diff.Change) int {
	switch {
	case c.Ref.IsNamespace():
		return rankNamespace
	case c.Ref.IsCRD():
		return rankDefinition
	case c.Ref.Group == "" && (c.Ref.Kind == "PersistentVolumeClaim" || c.Ref.Kind == "PersistentVolume"):
		return rankClaim
	case c.Op == diff.Replace:
		return rankReplaced
	}
	return rankDeleted
}

// danger tells of the target's dangers, at most so many of them.
func (t TargetPreview) danger(most int, brief bool) string {
	if t.Set == nil {
		return ""
	}
	list := dangers(t.Set, brief)
	if len(list) == 0 {
		return ""
	}
	kind := "WARNING"
	if list[0].rank <= rankReplaced {
		kind = "CAUTION"
	}
	name := "**" + Escape(t.Name) + "**"
	if len(list) == 1 {
		return fmt.Sprintf("\n> [!%s]\n> %s %s.\n", kind, name, list[0].text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n> [!%s]\n> %s\n", kind, name)
	for _, d := range list[:min(most, len(list))] {
		fmt.Fprintf(&b, "> - %s\n", d.text)
	}
	if more := len(list) - most; more > 0 {
		fmt.Fprintf(&b, "> - and %d more of the kind, below\n", more)
	}
	return b.String()
}

// cutText is at most so many characters of a text.
func cutText(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most])) + "…"
	}
	return s
}
