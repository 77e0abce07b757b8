package project

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// gitSource names a directory of a git repository: the address as text, or a map (project format §2.1).
type gitSource struct {
	URL    string  `json:"url"`
	Ref    *gitRef `json:"ref"`
	SubDir string  `json:"subDir"`
}

// UnmarshalShorthand takes the address alone.
func (g *gitSource) UnmarshalShorthand(text string) error {
	g.URL = text
	return nil
}

// Check finds an address or directory that cannot be.
func (g *gitSource) Check(fail func(key, format string, args ...any)) {
	checkGitURL(g.URL, fail)
	checkSubDir(g.SubDir, fail)
}

// Advise names keys that other tools have.
func (g *gitSource) Advise(key string) string {
	switch key {
	case "branch", "tag", "commit":
		return fmt.Sprintf("write it below ref: {%s: …}", key)
	case "path":
		return "the directory in the repository is subDir"
	}
	return ""
}

func (g *gitSource) ref() source.GitRef { return g.Ref.of(g.URL) }

func checkGitURL(url string, fail func(key, format string, args ...any)) {
	if url == "" {
		fail("", "needs url, the address of a repository")
		return
	}
	if err := source.CheckGitURL(url); err != nil {
		fail("url", "%v", err)
	}
}

// gitRef is what of a repository is meant; nil is its default branch.
type gitRef struct {
	Branch string `json:"branch"`
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
}

// UnmarshalShorthand says why a text is no ref: it could be a branch or a tag.
func (r *gitRef) UnmarshalShorthand(text string) error {
	return fmt.Errorf("found %q, expected {branch: …}, {tag: …} or {commit: …}", text)
}

// Check finds a ref that is none, or several.
func (r *gitRef) Check(fail func(key, format string, args ...any)) {
	if *r == (gitRef{}) {
		fail("", "names nothing; it needs branch, tag or commit")
		return
	}
	for _, given := range [][2]string{{"branch", r.Branch}, {"tag", r.Tag}} {
		if short, full := strings.CutPrefix(given[1], "refs/"); full {
			_, short, _ = strings.Cut(short, "/")
			fail(given[0], "found %q, expected the short name: %s", given[1], short)
		}
	}
	if err := r.of("").Check(); err != nil {
		key := ""
		if r.Branch+r.Tag == "" {
			key = "commit"
		}
		fail(key, "%v", err)
	}
}

func (r *gitRef) of(url string) source.GitRef {
	if r == nil {
		return source.GitRef{URL: url}
	}
	return source.GitRef{URL: url, Branch: r.Branch, Tag: r.Tag, Commit: r.Commit}
}

// ociSource names a directory of an OCI artifact (project format §2.1).
type ociSource struct {
	URL    string  `json:"url"`
	Ref    *ociRef `json:"ref"`
	SubDir string  `json:"subDir"`
}

// Check finds an address, tag, digest or directory that cannot be.
func (o *ociSource) Check(fail func(key, format string, args ...any)) {
	checkSubDir(o.SubDir, fail)
	if o.URL == "" {
		fail("", "needs url, the address of an artifact")
		return
	}
	if err := (source.OCIRef{URL: o.URL}).Check(); err != nil {
		fail("url", "%v", err)
		return
	}
	if err := o.ref().Check(); err != nil {
		fail("ref", "%v", err)
	}
}

// UnmarshalShorthand says how an artifact is written.
func (o *ociSource) UnmarshalShorthand(text string) error {
	return fmt.Errorf("found %q, expected a map with url, ref and subDir", text)
}

type ociRef struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
}

// UnmarshalShorthand says why a text is no ref: it could be a tag or a digest.
func (r *ociRef) UnmarshalShorthand(text string) error {
	return fmt.Errorf("found %q, expected {tag: …} or {digest: …}", text)
}

func (o *ociSource) ref() source.OCIRef {
	if o.Ref == nil {
		return source.OCIRef{URL: o.URL}
	}
	return source.OCIRef{URL: o.URL, Tag: o.Ref.Tag, Digest: o.Ref.Digest}
}

// checkSubDir refuses names that not every system can have, and those that lead out.
func checkSubDir(dir string, fail func(key, format string, args ...any)) {
	if clean := cleanSubDir(dir); clean == ".." || strings.HasPrefix(clean, "../") {
		fail("subDir", "%q leads out of the repository", dir)
		return
	}
	for part := range strings.SplitSeq(dir, "/") {
		if strings.ContainsAny(part, `\:*?"<>|^`) || strings.ContainsFunc(part, unicode.IsControl) {
			fail("subDir", `%q: a name in it holds one of \ : * ? " < > | ^ or a control character`, dir)
			return
		}
	}
}

// cleanSubDir is a sub-directory as a slash path below its tree.
func cleanSubDir(dir string) string {
	return path.Join(".", strings.TrimLeft(dir, "/"))
}

// tree is what the entry's tree is fetched by.
func (e *itemEntry) tree() any {
	if e.Git != nil {
		return e.Git.ref()
	}
	return e.OCI.ref()
}

// subDir is the included directory in that tree.
func (e *itemEntry) subDir() string {
	if e.Git != nil {
		return cleanSubDir(e.Git.SubDir)
	}
	return cleanSubDir(e.OCI.SubDir)
}

// kind is the key that says what the entry includes.
func (e *itemEntry) kind() string {
	switch {
	case e.Git != nil:
		return "git"
	case e.OCI != nil:
		return "oci"
	}
	return "include"
}
