package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/object"
)

// admission is what may change objects on their way into the cluster, or what may refuse them. It is looked up when it first
// matters.
type admission struct {
	once sync.Once
	// mutators are the names of webhooks and policies by what they match.
	mutators []mutator
	// unknown says that they may not be listed: any object may be changed.
	unknown bool
}

type mutator struct {
	name  string
	rules []any
	// namespaces and objects are its selectors.
	namespaces, objects map[string]any
}

const admissionGroup = "admissionregistration.k8s.io"

// mutates says whether something may change updates of a kind's objects, and what.
func (d *differ) mutates(ctx context.Context, ref object.Ref) (string, bool) {
	d.admission.look(ctx, d, "MutatingWebhookConfiguration", "MutatingAdmissionPolicy")
	resource := d.live.kinds[kindOf(ref)].Resource
	var names []string
	for _, m := range d.admission.mutators {
		if slices.ContainsFunc(m.rules, func(r any) bool { return matchesRule(r, ref, resource, "UPDATE") }) {
			names = append(names, m.name)
		}
	}
	if len(names) == 0 {
		return "a mutating webhook", d.admission.unknown
	}
	return strings.Join(slices.Compact(names), ", "), true
}

// look lists the given kinds of the group of admission, the first time that it is called.
func (a *admission) look(ctx context.Context, d *differ, kinds ...string) {
	a.once.Do(func() {
		var queries []Query
		for _, kind := range kinds {
			if k, ok := d.live.kinds[groupKind{admissionGroup, kind}]; ok {
				queries = append(queries, Query{Kind: k, Whole: true})
			}
		}
		found, failed := d.list(ctx, queries)
		a.unknown = len(failed) > 0
		for _, o := range found {
			a.mutators = append(a.mutators, mutatorsOf(o)...)
		}
		slices.SortFunc(a.mutators, func(a, b mutator) int { return strings.Compare(a.name, b.name) })
	})
}

func mutatorsOf(o object.Object) []mutator {
	if onlyKeepsPreviewsFromWriting(o) {
		return nil
	}
	if strings.HasSuffix(o.Ref().Kind, "AdmissionPolicy") {
		match := o.Map("spec", "matchConstraints")
		rules, _ := match["resourceRules"].([]any)
		return []mutator{{"policy " + o.Ref().Name, rules, object.Object(match).Map("namespaceSelector"), object.Object(match).Map("objectSelector")}}
	}
	var out []mutator
	webhooks, _ := o["webhooks"].([]any)
	for _, w := range webhooks {
		if m, ok := w.(map[string]any); ok {
			rules, _ := m["rules"].([]any)
			w := object.Object(m)
			out = append(out, mutator{"webhook " + w.Text("name"), rules, w.Map("namespaceSelector"), w.Map("objectSelector")})
		}
	}
	return out
}

// matchesRule says whether a webhook's rule matches an operation, such as UPDATE, on a resource. Its selectors are not looked at:
// that it may match is enough.
func matchesRule(rule any, ref object.Ref, resource, operation string) bool {
	m, _ := rule.(map[string]any)
	has := func(key string, values ...string) bool {
		list, _ := m[key].([]any)
		return slices.ContainsFunc(list, func(e any) bool {
			s, _ := e.(string)
			return s == "*" || s == "*/*" || slices.Contains(values, s)
		})
	}
	return has("apiGroups", ref.Group) && has("apiVersions", ref.Version) && has("operations", operation) && (resource == "" || has("resources", resource, resource+"/*"))
}

// steady looks at the changes that nobody asked for. Where there are only such, nothing is written, so that nothing
// changes. Else they come with what is asked for, unless they are others at each write: these are not shown.
func (d *differ) steady(ctx context.Context, c *Change, live object.Object, answer *attempt) {
	if c.Op != Update || c.definedAnew(d) {
		return
	}
	rewritten := rewrites(c.desired, answer.Merged)
	isMade := func(f FieldChange) bool { return f.Cause == Defaulting }
	made := slices.ContainsFunc(c.Fields, isMade)
	if !made && len(rewritten) == 0 {
		return
	}
	name, matched := d.mutates(ctx, c.Ref)
	if matched {
		for i := range c.Fields {
			if c.Fields[i].Cause == Defaulting {
				c.Fields[i].Cause = Admission
			}
		}
		isMade = func(f FieldChange) bool { return f.Cause == Admission }
	}
	if c.Hidden == 0 && !slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return !isMade(f) }) {
		by := "the server"
		if matched {
			by = name
		}
		c.Notes = append(c.Notes, fmt.Sprintf("nothing to apply; with the next change, %s also sets: %s", by, pathsOf(c.Fields)))
		c.Op, c.Fields, c.Merged = Unchanged, nil, c.Live
		return
	}
	if !matched {
		return
	}
	again := d.takeOver(ctx, c, live, d.send(ctx, c, answer.sent))
	if again.err != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("whether %s sets the same at each write is not known: %v", name, again.err))
		return
	}
	unstable := sortedChanges(comparable(answer.Merged), comparable(again.Merged))
	if len(unstable) == 0 {
		return
	}
	c.Notes = append(c.Notes, fmt.Sprintf("unstable: %s sets another value at each write: %s", name, pathsOf(unstable)))
	isUnstable := func(f FieldChange) bool {
		return slices.ContainsFunc(unstable, func(u FieldChange) bool { return f.Path.HasPrefix(u.Path) || u.Path.HasPrefix(f.Path) })
	}
	c.Fields, c.bound = slices.DeleteFunc(c.Fields, isUnstable), slices.DeleteFunc(c.bound, isUnstable)
	for _, u := range unstable {
		u.Path.Replace(map[string]any(c.Merged), func(any) any { return Unstable })
	}
	if len(c.Fields) == 0 && c.Hidden == 0 {
		c.Op = Unchanged
	}
}

// Unstable stands in a merged object where each write has another value.
const Unstable = "(unstable)"

func (c *Change) definedAnew(d *differ) bool { return d.definitions[kindOf(c.Ref)] != nil }

// rewrites finds texts and numbers that were applied and came back as others.
func rewrites(sent, merged object.Object) []object.Path {
	var out []object.Path
	leaves(nil, map[string]any(sent), func(p object.Path) {
		want, _ := p.Lookup(map[string]any(sent))
		if have, ok := p.Lookup(map[string]any(merged)); ok && !composite(want) && !object.Equal(want, have) {
			out = append(out, p)
		}
	})
	return out
}

func pathsOf(fields []FieldChange) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.Path.String()
	}
	return strings.Join(texts, ", ")
}
