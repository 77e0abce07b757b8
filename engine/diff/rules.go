package diff

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ohler55/ojg/jp"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// A fieldMatcher picks fields of an object by JSONPath and by regular expressions over their printed paths (project
// format §0.3, §2.7).
type fieldMatcher struct {
	exprs   []jp.Expr
	regexes []*regexp.Regexp
}

func newFieldMatcher(paths, regexes []string) (fieldMatcher, error) {
	var m fieldMatcher
	var errs []error
	for _, p := range paths {
		x, err := jp.ParseString(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("JSON path %q: %w", p, err))
			continue
		}
		m.exprs = append(m.exprs, x)
	}
	for _, r := range regexes {
		re, err := regexp.Compile(r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.regexes = append(m.regexes, re)
	}
	return m, errors.Join(errs...)
}

// find returns the places in o that the matcher picks, by position.
func (m fieldMatcher) find(o map[string]any) []object.Path {
	var out []object.Path
	for _, x := range m.exprs {
		for _, at := range x.Locate(o, 0) {
			out = append(out, location(at))
		}
	}
	if len(m.regexes) > 0 {
		leaves(nil, o, func(p object.Path) {
			text := p.JSONPath()
			if slices.ContainsFunc(m.regexes, func(r *regexp.Regexp) bool { return r.MatchString(text) }) {
				out = append(out, p)
			}
		})
	}
	return out
}

func location(x jp.Expr) object.Path {
	var p object.Path
	for _, f := range x {
		switch f := f.(type) {
		case jp.Child:
			p = p.Field(string(f))
		case jp.Nth:
			p = p.Index(int(f))
		}
	}
	return p
}

// leaves calls f for each value that is no container with something in it, in order.
func leaves(at object.Path, v any, f func(object.Path)) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			leaves(at.Field(k), v[k], f)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, e := range v {
			leaves(at.Index(i), e, f)
		}
		if len(v) > 0 {
			return
		}
	}
	if len(at) > 0 {
		f(at)
	}
}

// annotationSeries returns the values of an annotation and of its numbered forms, name-N, in the order of their keys.
func annotationSeries(o object.Object, name string) []string {
	var out []string
	annotations := o.Map("metadata", "annotations")
	for _, k := range slices.Sorted(maps.Keys(annotations)) {
		rest, ok := strings.CutPrefix(k, name)
		if v, isText := annotations[k].(string); ok && isText && (rest == "" || numbered.MatchString(rest)) {
			out = append(out, v)
		}
	}
	return out
}

var numbered = regexp.MustCompile(`^-[0-9]*$`)

// concerns applies a rule's filters to an object; an attribute that the object lacks matches anything (project
// format §2.7).
func concerns(ref object.Ref, group, kind, name, namespace string) bool {
	is := func(want, have string) bool { return want == "" || have == "" || want == have }
	return is(group, ref.Group) && is(kind, ref.Kind) && is(name, ref.Name) && is(namespace, ref.Namespace)
}

// Ignore hides differences that the caller does not want to see.
type Ignore struct {
	// Tags hides the tag labels, Labels and Annotations all of these, KluctlMetadata what the deploy itself writes.
	Tags, Labels, Annotations, KluctlMetadata bool
}

// An ignorer knows what of one object's differences is not shown.
type ignorer struct {
	matchers []fieldMatcher
	opts     Ignore
	whole    bool
	// within, if set, has to hide a field, too.
	within *ignorer
}

// hides says whether there are rules; what the caller does not want to see is not one.
func (g ignorer) hides() bool { return g.whole || len(g.matchers) > 0 }

// both hides what g and other hide, each by its rules, and what the caller of g does not want to see.
func (g ignorer) both(other ignorer) ignorer {
	switch {
	case other.whole:
		return g
	case g.whole:
		return ignorer{matchers: other.matchers, opts: g.opts}
	}
	return ignorer{matchers: g.matchers, opts: g.opts, within: &other}
}

// find returns the places in o that the rules hide, by position; those of an object that is hidden as a whole are not listed.
func (g ignorer) find(o map[string]any) []object.Path {
	var out []object.Path
	var view variableView
	if len(g.matchers) > 0 {
		view = variablesByName(o)
	}
	for _, m := range g.matchers {
		out = append(out, m.find(o)...)
		if view.object == nil {
			continue
		}
		for _, p := range m.find(view.object) {
			if at, ok := view.position(p); ok {
				out = append(out, at)
			}
		}
	}
	if g.within != nil {
		theirs := g.within.find(o)
		out = append(inside(out, theirs), inside(theirs, out)...)
	}
	slices.SortFunc(out, comparePositions)
	return slices.CompactFunc(out, func(p, q object.Path) bool { return comparePositions(p, q) == 0 })
}

// A variableView is a workload as rules see it, too: with the lists env and envFrom of its containers as maps, env by name and
// envFrom by what it refers to, such as configMapRef/settings (project format §10).
type variableView struct {
	object map[string]any
	at     map[[2]string]map[string]int // of a container's position and env or envFrom: where each element stands
}

// variablesByName is the view of a workload; that of any other object, or of one without variables, is empty.
func variablesByName(o map[string]any) variableView {
	switch o["kind"] {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return variableView{}
	}
	path := []string{"spec", "template", "spec"}
	list, _ := object.Object(o).Map(path...)["containers"].([]any)
	view := variableView{at: map[[2]string]map[string]int{}}
	containers := slices.Clone(list)
	for i, c := range containers {
		container, _ := c.(map[string]any)
		container = maps.Clone(container)
		for field, name := range map[string]func(object.Object) string{"env": variableName, "envFrom": referredTo} {
			list, _ := container[field].([]any)
			byName, at := map[string]any{}, map[string]int{}
			for n, e := range list {
				m, _ := e.(map[string]any)
				if key := name(m); key != "" {
					byName[key], at[key] = e, n
				}
			}
			if len(byName) > 0 {
				container[field] = byName
				view.at[[2]string{strconv.Itoa(i), field}] = at
			}
		}
		containers[i] = container
	}
	if len(view.at) == 0 {
		return variableView{}
	}
	view.object = maps.Clone(o)
	at := view.object
	for _, f := range path {
		m, _ := at[f].(map[string]any) // it is one: there are containers in it
		m = maps.Clone(m)
		at[f], at = m, m
	}
	at["containers"] = containers
	return view
}

func variableName(e object.Object) string { return e.Text("name") }

func referredTo(e object.Object) string {
	for _, kind := range []string{"configMapRef", "secretRef"} {
		if name := e.Text(kind, "name"); name != "" {
			return kind + "/" + name
		}
	}
	return ""
}

// position is where in the object a place of the view is; false for what stands at the same place in both.
func (v variableView) position(p object.Path) (object.Path, bool) {
	const container, field, name = 4, 5, 6 // spec.template.spec.containers[n].env.name
	if len(p) <= name || p[0].Field != "spec" || p[1].Field != "template" || p[2].Field != "spec" || p[3].Field != "containers" {
		return nil, false
	}
	n, ok := v.at[[2]string{strconv.Itoa(p[container].Index), p[field].Field}][p[name].Field]
	if !ok {
		return nil, false
	}
	return append(p[:name:name].Index(n), p[name+1:]...), true
}

// inside are those of the places that are one of the others, or in one.
func inside(places, others []object.Path) []object.Path {
	return slices.DeleteFunc(slices.Clone(places), func(p object.Path) bool { return !slices.ContainsFunc(others, p.HasPrefix) })
}

// outside are those of the places that are neither one of the others nor in one.
func outside(places, others []object.Path) []object.Path {
	return slices.DeleteFunc(slices.Clone(places), func(p object.Path) bool { return slices.ContainsFunc(others, p.HasPrefix) })
}

// newIgnorer gathers the ignore rules for an object: its annotations, those of its deployment files, the caller's.
func newIgnorer(o object.Object, rules []project.IgnoreRule, opts Ignore) (ignorer, error) {
	out := ignorer{opts: opts, whole: annotated(o, "kluctl.io/ignore-diff")}
	var errs []error
	add := func(source string, paths, regexes []string) {
		m, err := newFieldMatcher(paths, regexes)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", o.Ref(), source, err))
		}
		if len(m.exprs)+len(m.regexes) > 0 {
			out.matchers = append(out.matchers, m)
		}
	}
	add("kluctl.io/ignore-diff-field", annotationSeries(o, "kluctl.io/ignore-diff-field"), nil)
	add("kluctl.io/ignore-diff-field-regex", nil, annotationSeries(o, "kluctl.io/ignore-diff-field-regex"))
	for _, r := range rules {
		if concerns(o.Ref(), r.Group, r.Kind, r.Name, r.Namespace) {
			add("ignoreForDiff", r.FieldPath, r.FieldPathRegex)
		}
	}
	return out, errors.Join(errs...)
}

// strip takes the hidden fields out of one side, which is changed.
func (g ignorer) strip(o map[string]any) {
	// From the back, so that removing an element does not move those still to be removed.
	for _, p := range slices.Backward(g.find(o)) {
		remove(o, p)
	}
	meta, _ := o["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	maps.DeleteFunc(labels, func(k string, _ any) bool {
		tag := strings.HasPrefix(k, "kluctl.io/tag-")
		return g.opts.Labels || (g.opts.Tags || g.opts.KluctlMetadata) && tag || g.opts.KluctlMetadata && k == DiscriminatorLabel
	})
	maps.DeleteFunc(annotations, func(k string, _ any) bool {
		return g.opts.Annotations || g.opts.KluctlMetadata && (k == itemDirAnnotation || k == "kluctl.io/skip-delete-if-tags")
	})
}

func comparePositions(p, q object.Path) int {
	return slices.CompareFunc(p, q, func(a, b object.Step) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Index, b.Index))
	})
}

// remove takes the value at a path of positions out of v.
func remove(v any, p object.Path) {
	last := p[len(p)-1]
	parent, _ := p[:len(p)-1].Lookup(v)
	switch parent := parent.(type) {
	case map[string]any:
		delete(parent, last.Field)
	case []any:
		if last.Index < len(parent) && len(p) > 1 {
			p[:len(p)-1].Replace(v, func(any) any { return slices.Delete(slices.Clone(parent), last.Index, last.Index+1) })
		}
	}
}
