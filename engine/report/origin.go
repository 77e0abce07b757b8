package report

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/project"
)

// A DocumentSource is a tree from elsewhere that the target was rendered from: what was asked for, and what that was.
type DocumentSource struct {
	Kind   project.RemoteKind `json:"kind"`
	URL    string             `json:"url"`
	Ref    string             `json:"ref,omitempty"`
	Commit string             `json:"commit,omitempty"`
	Digest string             `json:"digest,omitempty"`
	// Dir is the directory of this machine that took the remote's place.
	Dir string `json:"dir,omitempty"`
}

func documentSources(set *diff.ChangeSet) []DocumentSource {
	var out []DocumentSource
	for _, f := range set.Sources {
		s := DocumentSource{Kind: f.Kind, URL: f.URL, Ref: f.Ref, Dir: f.Dir}
		if f.Kind == project.KindGit {
			s.Commit = f.ID
		} else {
			s.Digest = f.ID
		}
		out = append(out, s)
	}
	return out
}

// at is what a source is at, as people read it.
func (s DocumentSource) at() string {
	switch {
	case s.Dir != "":
		return s.Dir
	case s.Commit != "":
		return Short(s.Commit)
	}
	algorithm, hex, _ := strings.Cut(s.Digest, ":")
	return algorithm + ":" + Short(hex)
}

// name is the source and the ref that was asked for.
func (s DocumentSource) name() string {
	if s.Ref == "" {
		return s.URL
	}
	return s.URL + " " + s.Ref
}

// origins words, for a terminal, where a target is from beyond its own files.
func (t *text) origins(set *diff.ChangeSet) {
	var lines []string
	for _, s := range documentSources(set) {
		lines = append(lines, fmt.Sprintf("  %s at %s", s.name(), s.at()))
	}
	t.section("Sources", lines)
	if set.Target.Derived {
		fmt.Fprintf(&t.b, "Discriminator: %s, derived from the repository's remote\n\n", visible(set.Target.Discriminator))
	}
}

// origins words the same in Markdown.
func origins(set *diff.ChangeSet) string {
	var b strings.Builder
	for _, s := range documentSources(set) {
		fmt.Fprintf(&b, "\n- %s at %s", Code(s.name()), Code(s.at()))
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	if set.Target.Derived {
		fmt.Fprintf(&b, "\n<sub>Discriminator %s, derived from the repository's remote.</sub>\n", Code(set.Target.Discriminator))
	}
	if b.Len() == 0 || len(set.Sources) == 0 {
		return b.String()
	}
	return "\n**Sources**\n" + b.String()
}
