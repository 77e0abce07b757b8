package diff

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// A Resolution is what happens to a field that the project sets and another manager owns.
type Resolution string

// The resolutions.
const (
	// Overwritten fields are taken over: by a rule, or because the manager is a person's tool.
	Overwritten Resolution = "overwritten"
	// Kept fields stay with the other manager, because nobody said what to do.
	Kept Resolution = "kept"
	// Ignored fields stay with the other manager because a rule says so.
	Ignored Resolution = "ignored"
)

// A Conflict is a field that the project sets and that another manager owns with another value.
type Conflict struct {
	Path object.Path
	// Manager is the other owner; Since is when it last changed its fields, in RFC 3339, or "".
	Manager, Since string
	// Ours and Theirs are the two values; where Secret is set they are not there.
	Ours, Theirs any
	Secret       bool
	Resolution   Resolution
}

// peoplesTools are the managers whose values give way to the project: what people set by hand, our forerunner (project
// format §9.5), who writes in our name otherwise than by applying, and nobody: what was there before the record began.
var peoplesTools = regexp.MustCompile(`^(kluctl|kluctl-.*|kubectl|kubectl-.*|rancher|k9s|` + FieldManager + `|` + nobody + `)$`)

// A conflictRule says what to do with conflicts about some fields or with some managers.
type conflictRule struct {
	fields   fieldMatcher
	managers []*regexp.Regexp
	all      bool
	ignore   bool // else force
}

// conflictRules gathers an object's rules; of several that match, the last one counts: annotations beat deployment
// files, ignoring beats forcing, an outer project's beats an inner one's (project format §9.5).
func conflictRules(o object.Object, declared []project.ConflictRule) ([]conflictRule, error) {
	var out []conflictRule
	var errs []error
	add := func(source string, r conflictRule, paths, regexes, managers []string) {
		var err error
		if r.fields, err = newFieldMatcher(paths, regexes); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", o.Ref(), source, err))
		}
		for _, m := range managers {
			re, err := regexp.Compile(m)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", o.Ref(), source, err))
				continue
			}
			r.managers = append(r.managers, re)
		}
		out = append(out, r)
	}
	for _, r := range declared {
		if concerns(o.Ref(), r.Group, r.Kind, r.Name, r.Namespace) {
			add("conflictResolution", conflictRule{ignore: r.Action == "ignore"}, r.FieldPath, r.FieldPathRegex, r.Manager)
		}
	}
	for _, kind := range []struct {
		name   string
		ignore bool
	}{{"kluctl.io/force-apply", false}, {"kluctl.io/ignore-conflicts", true}} {
		if annotated(o, kind.name) {
			add(kind.name, conflictRule{ignore: kind.ignore, all: true}, nil, nil, nil)
		}
		add(kind.name+"-manager", conflictRule{ignore: kind.ignore}, nil, nil, annotationSeries(o, kind.name+"-manager"))
		add(kind.name+"-field", conflictRule{ignore: kind.ignore}, annotationSeries(o, kind.name+"-field"), nil, nil)
	}
	return out, errors.Join(errs...)
}

// matches says whether the rule speaks of a field of o that any of managers owns.
func (r conflictRule) matches(o object.Object, at object.Path, managers []string) bool {
	if r.all {
		return true
	}
	for _, re := range r.managers {
		for _, m := range managers {
			if re.MatchString(m) {
				return true
			}
		}
	}
	for _, p := range r.fields.find(o) {
		if at.Below(p) {
			return true
		}
	}
	return false
}

// resolved are the conflicts of an object with what becomes of each, and the object without the fields that are left to
// others.
type resolved struct {
	conflicts []Conflict
	reduced   object.Object
	left      []managed.Path
}

// resolve decides about conflicts that the server reported for desired.
func resolve(desired, live object.Object, entries []managed.Entry, reported *ConflictError, rules []conflictRule) (resolved, error) {
	out := resolved{reduced: desired.Clone()}
	done := map[string]bool{}
	for _, cause := range reported.Causes {
		path, entry, err := cause.find(desired, entries)
		if err != nil {
			return resolved{}, fmt.Errorf("%s: %w", reported.Ref, err)
		}
		if done[path.String()] {
			continue
		}
		done[path.String()] = true
		at, ours, _ := path.In(map[string]any(desired))
		_, theirs, _ := path.In(map[string]any(live))
		c := Conflict{Path: at, Manager: entry.Manager, Since: entry.Since, Ours: ours, Theirs: theirs}
		c.Resolution = decide(desired, at, owners(entries, path), rules)
		if c.Resolution != Overwritten {
			out.left = append(out.left, path)
		}
		out.conflicts = append(out.conflicts, c)
	}
	for _, p := range out.left {
		managed.Remove(map[string]any(out.reduced), p)
	}
	return out, nil
}

func decide(desired object.Object, at object.Path, managers []string, rules []conflictRule) Resolution {
	resolution := Kept
	for _, r := range rules {
		if r.matches(desired, at, managers) {
			if resolution = Overwritten; r.ignore {
				resolution = Ignored
			}
		}
	}
	if resolution == Kept {
		for _, m := range managers {
			if peoplesTools.MatchString(m) {
				return Overwritten
			}
		}
	}
	return resolution
}

// owners are the managers, other than us, that own a field.
func owners(entries []managed.Entry, p managed.Path) []string {
	var out []string
	for _, e := range entries {
		t, ok := e.Fields, true
		for _, key := range p {
			if t, ok = t.Child(key); !ok {
				break
			}
		}
		if ok && !isOurs(e) {
			out = append(out, e.Manager)
		}
	}
	return out
}

// isOurs says whether an entry is what this tool applied.
func isOurs(e managed.Entry) bool {
	return e.Manager == FieldManager && e.Operation == managed.Apply && e.Subresource == ""
}

// find finds the field that a cause speaks of among those that its manager owns and that o has. The server's text alone
// would not do: a key with dots reads like several.
func (c ConflictCause) find(o object.Object, entries []managed.Entry) (managed.Path, managed.Entry, error) {
	for _, e := range entries {
		if e.Manager != c.Manager {
			continue
		}
		for p := range e.Fields.Members() {
			if p.String() != c.Field {
				continue
			}
			if _, _, ok := p.In(map[string]any(o)); ok {
				return p, e, nil
			}
		}
	}
	return nil, managed.Entry{}, fmt.Errorf("the server reports a conflict with %q about %s, which its managedFields do not hold: compare again", c.Manager, strings.TrimPrefix(c.Field, "."))
}

// values words the two sides of a conflict that keeps a field; "" where they are too much for a line. The values of Secrets
// are not in it.
func (c Conflict) values(ref object.Ref) string {
	if c.Secret || ref.IsSecret() || composite(c.Ours) || composite(c.Theirs) {
		return ""
	}
	return fmt.Sprintf(": it stays %s instead of %s", object.ScalarText(c.Theirs), object.ScalarText(c.Ours))
}

// kept words a conflict that keeps a field, with what [Conflict.values] says of it or without.
func (c Conflict) kept(values string) string {
	since := ""
	if c.Since != "" {
		since = " since " + c.Since
	}
	return fmt.Sprintf("not updating %s, as field ownership is lost to %q%s%s; lost field ownership is regained with the annotation kluctl.io/force-apply-field: %s, or leave the field out of the project",
		c.Path, c.Manager, since, values, c.Path.JSONPath())
}
