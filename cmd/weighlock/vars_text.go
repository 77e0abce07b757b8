package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
)

// varsText prints levels as YAML documents, with a comment behind each value that says where it is from.
func varsText(levels []varsLevel) string {
	var docs []string
	for _, l := range levels {
		heading := l.heading
		if !l.Root {
			heading = strings.Join(l.Items, ", ") + " " + heading
		}
		docs = append(docs, "# "+heading+"\n"+l.text())
	}
	return strings.Join(docs, "---\n")
}

// textLine is a line of YAML and the comment behind it.
type textLine struct{ text, comment string }

// text is the level's variables as YAML. Their paths are sorted, so that a map's values stand together.
func (l varsLevel) text() string {
	var lines []textLine
	var above object.Path
	for _, v := range l.Vars {
		path := v.leaf.Path
		shared := 0
		for shared < min(len(above), len(path)-1) && above[shared].Field == path[shared].Field {
			shared++
		}
		for ; shared < len(path)-1; shared++ {
			lines = append(lines, textLine{indent(shared) + yamlKey(path[shared].Field), ""})
		}
		lines = append(lines, valueLines(indent(shared), yamlKey(path[shared].Field), v)...)
		above = path
	}
	if len(lines) == 0 {
		return "{}\n"
	}
	return aligned(lines)
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

func yamlKey(key string) string {
	data, err := yaml.Marshal(key)
	if err != nil || strings.Count(string(data), "\n") > 1 {
		return quoted(key) + ":"
	}
	return strings.TrimSuffix(string(data), "\n") + ":"
}

// longest is how long a list or map may be to stand on its key's line.
const longest = 60

func valueLines(indent, key string, v varsLeaf) []textLine {
	comment := v.comment()
	data, err := yaml.Marshal(v.Value)
	text := strings.TrimSuffix(string(data), "\n")
	switch v.Value.(type) {
	case []any, map[string]any:
		if flow := quoted(v.Value); err != nil || len(flow) <= longest {
			return []textLine{{indent + key + " " + flow, comment}}
		}
		lines := []textLine{{indent + key, comment}}
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, textLine{indent + line, ""})
		}
		return lines
	}
	if err != nil || strings.Contains(text, "\n") {
		text = quoted(v.Value) // on one line
	}
	return []textLine{{indent + key + " " + text, comment}}
}

// quoted is a value as JSON, which is YAML on one line.
func quoted(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(v))
	}
	return string(data)
}

// comment says where a value is from, and what it is instead of.
func (v varsLeaf) comment() string {
	text := v.Source.String()
	if v.Sensitive {
		text = "sensitive, " + text
	}
	for i, o := range v.Overrides {
		text += map[bool]string{true: "; instead of ", false: ", "}[i == 0] + o.String()
	}
	return text
}

// widest is how far comments are moved to stand below each other.
const widest = 48

func aligned(lines []textLine) string {
	column := 0
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.text); l.comment != "" && n <= widest {
			column = max(column, n)
		}
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		if l.comment != "" {
			fmt.Fprintf(&b, "%s  # %s", strings.Repeat(" ", max(0, column-utf8.RuneCountInString(l.text))), l.comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
