package chart

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/internal/git"
	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/project"
)

// An Update is a newer version of a chart than the one that some helm-chart.yaml files ask for.
type Update struct {
	Name     string
	From, To string
	// Files ask for From.
	Files []string
	// Held are those of them that have skipUpdate: they stay.
	Held []string

	files []chartFile
}

// String is the update in words, as the message of a commit has it.
func (u Update) String() string {
	return fmt.Sprintf("helm chart %s from version %s to version %s", u.Name, u.From, u.To)
}

// Updates looks for newer versions of the charts of a project. Versions before a release count only where updateConstraints
// names one; of git, tags count. Warnings name what cannot be updated.
func Updates(ctx context.Context, p *project.Project) ([]Update, []string, error) {
	t, err := openTree(p)
	if err != nil {
		return nil, nil, err
	}
	defer t.root.Close()
	files, err := t.files()
	if err != nil {
		return nil, nil, err
	}
	files = slices.DeleteFunc(files, func(f chartFile) bool { return f.spec.Path != "" })
	if len(files) == 0 {
		return nil, nil, nil
	}
	cache, err := p.Cache()
	if err != nil {
		return nil, nil, err
	}
	newest, errs := make([]string, len(files)), make([]error, len(files))
	var warnings []string
	var g errgroup.Group
	g.SetLimit(parallelPulls)
	for i, f := range files {
		if reason := f.spec.fixed(); reason != "" {
			warnings = append(warnings, f.shown+": "+reason)
			continue
		}
		g.Go(func() error {
			versions, err := f.spec.versions(ctx, cache)
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", f.shown, err)
				return nil
			}
			newest[i] = f.spec.newest(versions)
			return nil
		})
	}
	g.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, warnings, err
	}
	return group(files, newest), warnings, nil
}

// group joins the files that go from the same version of the same chart to the same.
func group(files []chartFile, newest []string) []Update {
	var updates []Update
	for i, f := range files {
		if newest[i] == "" {
			continue
		}
		u := Update{Name: f.spec.Name(), From: f.spec.current(), To: newest[i]}
		j := slices.IndexFunc(updates, func(o Update) bool {
			return o.Name == u.Name && o.From == u.From && o.To == u.To && o.files[0].spec.lockKey() == f.spec.lockKey()
		})
		if j < 0 {
			j = len(updates)
			updates = append(updates, u)
		}
		updates[j].files = append(updates[j].files, f)
		updates[j].Files = append(updates[j].Files, f.shown)
		if f.spec.SkipUpdate {
			updates[j].Held = append(updates[j].Held, f.shown)
		}
	}
	return updates
}

// current is the version, or the tag.
func (s *Spec) current() string {
	if s.Git != nil && s.Git.Ref != nil {
		return s.Git.Ref.Tag
	}
	return s.ChartVersion
}

// fixed says why there is nothing to update; "" if there may be.
func (s *Spec) fixed() string {
	switch _, err := semver.NewVersion(s.current()); {
	case s.isTemplated():
		return "is not looked at, since where its chart comes from has to be rendered first"
	case s.Git != nil && (s.Git.Ref == nil || s.Git.Ref.Tag == ""):
		return "is at no tag of git, so there is none to update"
	case err != nil:
		return fmt.Sprintf("%s is not one version, so there is none to update", s.current())
	}
	return ""
}

func (s *Spec) versions(ctx context.Context, cache *source.Cache) ([]string, error) {
	if s.Git == nil {
		return cache.ChartVersions(ctx, s.Repo, s.Name())
	}
	refs, err := cache.GitRefs(ctx, s.Git.URL)
	if err != nil {
		return nil, err
	}
	var tags []string
	for ref := range refs {
		if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			tags = append(tags, tag)
		}
	}
	return source.NewestFirst(tags), nil
}

// newest is the version to update to; "" if there is none.
func (s *Spec) newest(versions []string) string {
	now, err := semver.NewVersion(s.current())
	if err != nil {
		return ""
	}
	var constraint *semver.Constraints
	if s.UpdateConstraints != "" {
		if constraint, err = semver.NewConstraint(s.UpdateConstraints); err != nil {
			return "" // a template
		}
	}
	for _, text := range versions {
		v, err := semver.NewVersion(text)
		switch {
		case err != nil || !v.GreaterThan(now):
		case constraint != nil && constraint.Check(v), constraint == nil && v.Prerelease() == "":
			return text
		}
	}
	return ""
}

// Upgrade writes an update into its files, but for those that have skipUpdate, and leaves all else in them as it is. [Pull]
// comes after it.
func Upgrade(p *project.Project, u Update) error {
	t, err := openTree(p)
	if err != nil {
		return err
	}
	defer t.root.Close()
	for _, f := range u.files {
		if f.spec.SkipUpdate {
			continue
		}
		key := []string{"helmChart", "chartVersion"}
		if f.spec.Git != nil {
			key = []string{"helmChart", "git", "ref", "tag"}
		}
		data, err := rewrite(f.data, key, u.From, u.To)
		if err != nil {
			return fmt.Errorf("%s: %w", f.shown, err)
		}
		if err := t.root.WriteFile(filepath.FromSlash(f.name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Clean returns an error that names what is not committed in the project's directory.
func Clean(ctx context.Context, p *project.Project) error {
	changed, err := workTree(p).Changed(ctx)
	if err != nil {
		return err
	}
	const shown = 3
	if more := len(changed) - shown; more > 0 {
		changed = append(changed[:shown:shown], fmt.Sprintf("and %d more", more))
	}
	if len(changed) > 0 {
		return fmt.Errorf("not everything is committed: %s", strings.Join(changed, ", "))
	}
	return nil
}

// Commit commits what changed in the project's directory.
func Commit(ctx context.Context, p *project.Project, message string) error {
	return workTree(p).CommitAll(ctx, message)
}

func workTree(p *project.Project) git.WorkTree {
	return git.WorkTree{Dir: filepath.Join(p.Source().Root(), filepath.FromSlash(p.Dir()))}
}
