package chart

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// DefaultOutput is the file that a kustomization takes a chart's objects from, unless helm-chart.yaml names another.
const DefaultOutput = "helm-rendered.yaml"

// IsFile says whether a file of this base name is a helm-chart.yaml.
func IsFile(base string) bool { return base == "helm-chart.yaml" || base == "helm-chart.yml" }

// Spec is what a helm-chart.yaml says (project format §4.1).
type Spec struct {
	// Repo is the address of a chart repository, or with oci:// of the chart itself.
	Repo string `json:"repo"`
	// Path is the chart's directory, relative to the file.
	Path string `json:"path"`
	Git  *Git   `json:"git"`

	ChartName string `json:"chartName"`
	// ChartVersion is a version, or a constraint that the newest fitting version is taken for.
	ChartVersion      string `json:"chartVersion"`
	UpdateConstraints string `json:"updateConstraints"`

	ReleaseName string `json:"releaseName"`
	Namespace   string `json:"namespace"`
	Output      string `json:"output"`
	SkipCRDs    bool   `json:"skipCRDs"`
	SkipUpdate  bool   `json:"skipUpdate"`
	SkipPrePull bool   `json:"skipPrePull"`
}

// Git is a chart in a git repository.
type Git struct {
	URL    string `json:"url"`
	Ref    *Ref   `json:"ref"`
	SubDir string `json:"subDir"`
}

// Ref is one of a branch, a tag and a commit.
type Ref struct {
	Branch string `json:"branch"`
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
}

// file is the whole of a helm-chart.yaml.
type file struct {
	HelmChart *Spec `json:"helmChart"`
}

// Check finds a file without a chart.
func (f *file) Check(fail func(key, format string, args ...any)) {
	if f.HelmChart == nil {
		fail("", "has no helmChart")
	}
}

// Read reads a helm-chart.yaml. All that is wrong is reported at once, with its lines.
func Read(name string, data []byte) (Spec, error) {
	spec, _, err := read(name, data)
	return spec, err
}

func read(name string, data []byte) (Spec, yamldoc.Document, error) {
	var f file
	doc, err := yamldoc.Read(name, data, &f)
	if err != nil {
		return Spec{}, doc, err
	}
	if f.HelmChart == nil { // a file without any document, which nothing checked
		return Spec{}, doc, fmt.Errorf("%s: has no helmChart", name)
	}
	return *f.HelmChart, doc, nil
}

// UnmarshalShorthand takes the address alone.
func (g *Git) UnmarshalShorthand(text string) error {
	g.URL = text
	return nil
}

// UnmarshalShorthand says why a text is no ref: it could be a branch or a tag.
func (r *Ref) UnmarshalShorthand(text string) error {
	return fmt.Errorf("found a text, expected one of {branch: %s}, {tag: %s} and {commit: …}", text, text)
}

// isTemplate says whether a text still has to be rendered, as in a file that is read for [Pull].
func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}

// Check finds fields that are missing or do not go together.
func (s *Spec) Check(fail func(key, format string, args ...any)) {
	refuse := func(wrong bool, key, format string, args ...any) {
		if wrong {
			fail(key, format, args...)
		}
	}
	var from []string
	for _, f := range []struct {
		key   string
		given bool
	}{{"repo", s.Repo != ""}, {"path", s.Path != ""}, {"git", s.Git != nil}} {
		if f.given {
			from = append(from, f.key)
		}
	}
	refuse(len(from) == 0, "", "says not where the chart is; it needs repo, path or git")
	refuse(len(from) > 1, "", "has %s; a chart comes from one of them", strings.Join(from, " and "))
	refuse(s.ReleaseName == "", "releaseName", "is required")
	refuse(s.Output != "" && path.Clean(s.Output) != path.Base(s.Output), "output", "%q is not a plain file name", s.Output)
	if s.UpdateConstraints != "" && !isTemplate(s.UpdateConstraints) {
		_, err := semver.NewConstraint(s.UpdateConstraints)
		refuse(err != nil, "updateConstraints", "%q is no version constraint, such as ~1.2", s.UpdateConstraints)
	}
	if len(from) != 1 {
		return
	}
	kind := from[0]
	isOCI := strings.HasPrefix(s.Repo, "oci://")
	for _, f := range []struct{ key, value string }{{"chartName", s.ChartName}, {"chartVersion", s.ChartVersion}} {
		refuse(f.value != "" && kind != "repo", f.key, "goes only with repo")
	}
	refuse(s.UpdateConstraints != "" && kind == "path", "updateConstraints", "goes only with repo and git")
	switch kind {
	case "repo":
		refuse(s.ChartVersion == "", "chartVersion", "is required with repo")
		refuse(s.ChartName == "" && !isOCI, "chartName", "is required with the address of a repository")
		refuse(s.ChartName != "" && isOCI && !isTemplate(s.Repo) && s.ChartName != path.Base(s.Repo), "chartName",
			"is %q, and the address in repo ends with %q, which is the chart's name; remove chartName", s.ChartName, path.Base(s.Repo))
		if !strings.Contains(s.Repo, "://") && !isTemplate(s.Repo) {
			fail("repo", "%q is no address, such as https://host/charts or oci://host/charts/name", s.Repo)
		}
	case "path":
		refuse(path.IsAbs(s.Path), "path", "%s is absolute; give it relative to this file", s.Path)
	}
}

// Check finds an address that is missing and a directory that is none.
func (g *Git) Check(fail func(key, format string, args ...any)) {
	if g.URL == "" {
		fail("url", "is required")
	}
	if g.SubDir != "" && !isTemplate(g.SubDir) && (path.IsAbs(g.SubDir) || strings.HasPrefix(path.Clean(g.SubDir), "..")) {
		fail("subDir", "%q leads out of the repository", g.SubDir)
	}
}

// Check finds a reference that is none, or several.
func (r *Ref) Check(fail func(key, format string, args ...any)) {
	n := 0
	for _, v := range []string{r.Branch, r.Tag, r.Commit} {
		if v != "" {
			n++
		}
	}
	if n != 1 {
		fail("", "needs one of branch, tag and commit")
	}
}

// Name is the chart's name: of a chart in a directory of the project it is known only when that is read.
func (s *Spec) Name() string {
	switch {
	case s.ChartName != "":
		return s.ChartName
	case s.Repo != "":
		return path.Base(s.Repo)
	case s.Git != nil && s.Git.SubDir != "":
		return path.Base(s.Git.SubDir)
	case s.Git != nil:
		return strings.TrimSuffix(path.Base(s.Git.URL), ".git")
	}
	return path.Base(s.Path)
}

// Version is the version that the file asks for, or the ref of git; "" for a directory.
func (s *Spec) Version() string {
	if s.Git != nil {
		return s.Git.ref()
	}
	return s.ChartVersion
}

func (g *Git) ref() string {
	switch r := g.Ref; {
	case r == nil:
		return "HEAD"
	case r.Tag != "":
		return "refs/tags/" + r.Tag
	case r.Branch != "":
		return "refs/heads/" + r.Branch
	default:
		return r.Commit
	}
}

func (g *Git) remote() source.GitRef {
	ref := source.GitRef{URL: g.URL}
	if g.Ref != nil {
		ref.Branch, ref.Tag, ref.Commit = g.Ref.Branch, g.Ref.Tag, g.Ref.Commit
	}
	return ref
}

var errNoChart = errors.New("has no Chart.yaml")
