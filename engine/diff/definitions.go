package diff

import (
	"context"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/crd"
	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

// definitions are the custom kinds whose definition the change set creates or changes. Their objects cannot be judged by
// the server, which knows the old definition or none.
type definitions map[groupKind]*definition

type definition struct {
	*crd.Definition
	// isNew says that the server does not have it at all.
	isNew bool
	stage int
	// err is why the definition itself cannot come into force.
	err error
}

// define finds, once Namespaces and definitions are compared, what the change set itself brings into the cluster.
func (d *differ) define(ctx context.Context, set *ChangeSet) {
	d.created, d.refused, d.definitions = map[string]int{}, map[string]bool{}, definitions{}
	for c := range set.All() {
		switch {
		case c.Ref.IsNamespace() && c.Op == Create:
			d.created[c.Ref.Name] = c.stage
		case c.Ref.IsNamespace() && c.Op == Failed:
			d.refused[c.Ref.Name] = true
		case c.Ref.IsCRD() && (c.Op == Create || c.Op == Failed || c.Op == Update && changesSpec(c)):
			d.defineKind(ctx, c)
		}
	}
}

func changesSpec(c *Change) bool {
	for _, f := range compare(nil, map[string]any(c.Live), map[string]any(c.Merged)) {
		if f.Path[0].Field == "spec" {
			return true
		}
	}
	return false
}

func (d *differ) defineKind(ctx context.Context, c *Change) {
	after := c.desired
	if c.Op == Update {
		after = c.Merged
	}
	def, err := crd.New(after)
	if def == nil {
		return // the server's refusal says more
	}
	kind := groupKind{def.Group, def.Kind}
	_, served := d.live.kinds[kind]
	entry := &definition{Definition: def, isNew: c.Op == Create || c.Live == nil && !served, stage: c.stage, err: err}
	if c.Op == Failed {
		if !entry.isNew {
			return // its objects are judged by the definition that is in force
		}
		entry.err = fmt.Errorf("CustomResourceDefinition/%s, which defines its kind, is refused", c.Ref.Name)
	}
	d.definitions[kind] = entry
	if c.Op == Update && err == nil {
		d.judgeLive(ctx, c, entry)
	}
}

// judgeLive warns of live objects that the changed definition does not admit.
func (d *differ) judgeLive(ctx context.Context, c *Change, def *definition) {
	kind, ok := d.live.kinds[groupKind{def.Group, def.Kind}]
	if !ok || !def.Serves(kind.Version) {
		return
	}
	objects, err := d.previewer.List(ctx, Query{Kind: kind, Whole: true})
	if err != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("whether live objects are valid under the changed definition is unknown: %v", err))
		return
	}
	var bad []string
	for _, o := range objects {
		if _, err := def.Judge(ctx, o, nil); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			bad = append(bad, first)
		}
	}
	if len(bad) > 0 {
		what := fmt.Sprintf("%d of %d live objects are not valid under the changed definition", len(bad), len(objects))
		c.Warnings = append(c.Warnings, c.quoting(what+": "+listed(bad, 5), what))
	}
}

// listed joins texts, at most max of them.
func listed(texts []string, max int) string {
	if len(texts) > max {
		return strings.Join(texts[:max], "; ") + fmt.Sprintf("; and %d more", len(texts)-max)
	}
	return strings.Join(texts, "; ")
}

// creationOfNewKind fills in c for an object whose kind the same change defines.
func (d *differ) creationOfNewKind(c *Change, def *definition) {
	switch {
	case def.err != nil:
		d.fail(c, fmt.Errorf("%s: %w", c.Ref, def.err))
		return
	case def.stage > c.stage:
		d.fail(c, fmt.Errorf("%s: its CustomResourceDefinition is created only after a later barrier: put the definition before it", c.Ref))
		return
	}
	if _, err := def.Judge(context.Background(), c.desired, nil); err != nil {
		d.fail(c, err)
		return
	}
	c.Op, c.Merged = Create, comparable(c.desired)
	c.Reason = fmt.Sprintf("checked against CustomResourceDefinition/%s, which the same change creates", def.Name)
}

// judgeByNewDefinition fills in c for an existing object whose definition the same change alters.
func (d *differ) judgeByNewDefinition(c *Change, live object.Object, def *definition) {
	if def.err != nil {
		d.fail(c, fmt.Errorf("%s: %w", c.Ref, def.err))
		return
	}
	before := live.Clone()
	before["apiVersion"] = c.desired["apiVersion"] // a version that is only about to be served
	c.Live = comparable(before)
	merged, err := def.Judge(context.Background(), simulate(before, c.desired), before)
	if err != nil {
		d.fail(c, err)
		return
	}
	c.Notes = append(c.Notes, fmt.Sprintf("checked against CustomResourceDefinition/%s as the same change has it", def.Name))
	if gone := d.gone(c, live, nil); len(gone) > 0 {
		c.renew(live, merged, gone)
	}
	d.conclusion(c, live, &attempt{Preview: Preview{Merged: merged}})
}

// simulate merges desired into live as a server-side apply would, as far as that can be known without the server: how
// lists are merged is read from how their fields are owned.
func simulate(live, desired object.Object) object.Object {
	var ours managed.Tree
	var others, all []managed.Tree
	for _, e := range managed.Entries(live) {
		all = append(all, e.Fields)
		if isOurs(e) {
			ours = e.Fields
		} else {
			others = append(others, e.Fields)
		}
	}
	left := managed.Prune(map[string]any(live), ours, map[string]any(desired), others...)
	return object.Object(managed.Overlay(left, map[string]any(desired), all...).(map[string]any))
}
