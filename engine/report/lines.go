package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	linediff "github.com/rogpeppe/go-internal/diff"
	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// fieldLines words a field change as the lines of a diff: a line with the path, then - for what goes and + for what comes.
func fieldLines(f diff.FieldChange) []string {
	head := "  " + visible(f.Path.String()+provenance(f))
	if f.Secret {
		return []string{head + " " + map[diff.FieldOp]string{diff.Insert: "is added", diff.Remove: "is removed", diff.Modify: "changes"}[f.Op] + " (value hidden)"}
	}
	if f.Op == diff.Reorder {
		return append([]string{head + " (same elements in another order)"}, append(prefixed("-", order(f.Old)), prefixed("+", order(f.New))...)...)
	}
	if hunks := textHunks(f); hunks != nil {
		return append([]string{head}, hunks...)
	}
	lines := []string{head}
	if f.Op != diff.Insert {
		lines = append(lines, prefixed("-", valueLines(f.Old))...)
	}
	if f.Op != diff.Remove {
		lines = append(lines, prefixed("+", valueLines(f.New))...)
	}
	return lines
}

// provenance says, in brackets, where a change comes from if it is not simply the project's.
func provenance(f diff.FieldChange) string {
	by := ""
	if f.Owner != "" {
		by = "set by " + f.Owner
		if f.Since != "" {
			by += " at " + f.Since
		}
	}
	switch f.Cause {
	case diff.Drift:
		return bracketed("already drifted", by)
	case diff.ChangeAndDrift:
		return bracketed("this change, and had drifted", by)
	case diff.TakenOver:
		return bracketed("taken over, not in the project", by)
	case diff.Defaulting:
		return bracketed("completed by the server")
	case diff.Admission:
		return bracketed("made by admission")
	}
	return bracketed(by)
}

func bracketed(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// changeLines words the fields of a change: first what is asked for, then what the server makes of it.
func changeLines(fields []diff.FieldChange) []string {
	made := func(f diff.FieldChange) bool { return f.Cause == diff.Defaulting || f.Cause == diff.Admission }
	var first, last []string
	for _, f := range fields {
		if made(f) {
			last = append(last, fieldLines(f)...)
		} else {
			first = append(first, fieldLines(f)...)
		}
	}
	return append(first, last...)
}

// textHunks is a line diff inside a text of several lines; nil when the change is not one.
func textHunks(f diff.FieldChange) []string {
	old, isOld := f.Old.(string)
	new, isNew := f.New.(string)
	switch {
	case !isOld || !isNew:
		return nil
	case !strings.Contains(old+new, "\n"):
		if len(old)+len(new) <= longLine {
			return nil
		}
		return replacedLines([]string{old}, []string{new})
	}
	// Anchored by lines that are unique in both: in time that grows with the text, whatever is in it. A line's end is added so
	// that a missing one is seen as an empty line that is missing.
	unified := linediff.Diff("old", []byte(old+"\n"), "new", []byte(new+"\n"))
	_, hunks, _ := strings.Cut(string(unified), "+++ new\n")
	var out, gone, come []string
	flush := func() {
		out = append(out, replacedLines(gone, come)...)
		gone, come = nil, nil
	}
	for l := range strings.Lines(hunks) {
		text := strings.TrimSuffix(l[1:], "\n")
		switch l[0] {
		case '-':
			gone = append(gone, text)
		case '+':
			come = append(come, text)
		case '@':
			flush()
			start, _, _ := strings.Cut(strings.TrimPrefix(text, "@ -"), ",")
			out = append(out, "  @@ line "+start+" @@")
		default:
			flush()
			out = append(out, prefixed(" ", []string{text})...)
		}
	}
	flush()
	return out
}

// replacedLines words lines of a text that take the place of others. White space at their ends, of which nothing would be
// seen, is marked; long lines are told without what is the same in both.
func replacedLines(old, new []string) []string {
	old, new = slices.Clone(old), slices.Clone(new)
	if len(old) == len(new) {
		for i := range old {
			old[i], new[i] = withoutSame(old[i], new[i])
		}
	}
	for _, lines := range [][]string{old, new} {
		for i, l := range lines {
			end := len(strings.TrimRight(l, " \t"))
			lines[i] = l[:end] + whiteSpace.Replace(l[end:])
		}
	}
	return append(prefixed("-", old), prefixed("+", new)...)
}

var whiteSpace = strings.NewReplacer(" ", "·", "\t", "→")

// longLine is from how many bytes on two lines are shown without what is the same in both, but for lineContext bytes of it.
const longLine, lineContext = 600, 60

func withoutSame(a, b string) (string, string) {
	if len(a)+len(b) <= longLine {
		return a, b
	}
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	cut := func(s string) string {
		from, to := max(0, start-lineContext), min(len(s), len(s)-end+lineContext)
		for from > 0 && !utf8.RuneStart(s[from]) {
			from--
		}
		for to < len(s) && !utf8.RuneStart(s[to]) {
			to++
		}
		out := s[from:to]
		if from > 0 {
			out = fmt.Sprintf("(%d bytes that stay) … ", from) + out
		}
		if to < len(s) {
			out += fmt.Sprintf(" … (%d bytes that stay)", len(s)-to)
		}
		return out
	}
	return cut(a), cut(b)
}

func prefixed(sign string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = sign + " " + visible(l)
	}
	return out
}

// valueLines prints a decoded value as YAML.
func valueLines(v any) []string {
	if s, ok := v.(string); ok && strings.Contains(s, "\n") {
		return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	}
	data, err := yaml.Marshal(v)
	if err != nil {
		return []string{fmt.Sprint(v)}
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func order(v any) []string {
	list, _ := v.([]any)
	parts := make([]string, len(list))
	for i, e := range list {
		if parts[i] = object.ScalarText(e); !scalar(e) {
			parts[i] = strings.Join(valueLines(e), "; ")
		}
	}
	return []string{strings.Join(parts, ", ")}
}

func scalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// objectLines prints an object as YAML.
func objectLines(o object.Object) []string { return valueLines(map[string]any(o)) }
