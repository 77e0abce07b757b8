package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// orphans finds the live objects of the target that it does not render any more.
func (d *differ) orphans(set *ChangeSet) {
	rendered := map[object.ID]bool{}
	for c := range set.All() {
		if c.Op != Await {
			rendered[c.Ref.ID()] = true
		}
		if c.Op != Await && !c.removal {
			d.rendered = append(d.rendered, c.Ref)
		}
	}
	seen := map[string]bool{}
	// Kinds are listed in any order.
	slices.SortFunc(d.live.all, func(a, b object.Object) int { return object.Compare(a.Ref(), b.Ref()) })
	for _, o := range d.live.all {
		ref, uid := o.Ref(), o.Text("metadata", "uid")
		// One object may be served by two groups.
		if rendered[ref.ID()] || seen[uid] || !ours(o) || !picked(o, set.Target.Inclusion) {
			continue
		}
		seen[uid] = true
		c := &Change{Ref: ref, Op: Delete, Live: comparable(o), uid: uid, mask: d.mask, orphan: true}
		c.wave, _ = render.Wave(o) // one that is no number orders nothing
		if at := o.Text("metadata", "deletionTimestamp"); at != "" {
			c.Op, c.Reason = Skip, fmt.Sprintf("being deleted since %s; %s", at, waits(o))
		} else if kept := keep(o, set.Target.Inclusion); kept != "" {
			c.Op, c.Reason = Skip, kept
		} else if !d.opts.Prune {
			c.Op, c.Reason = Skip, "no longer in the project; pruning is off"
		}
		set.Orphans = append(set.Orphans, c)
	}
	slices.SortFunc(set.Orphans, func(a, b *Change) int { return object.Compare(a.Ref, b.Ref) })
}

// alike is how much of two objects' content must be the same for the one to count as the other renamed.
const alike = 0.6

// named says that both objects have the same name to be compared by (project format §10).
const named = 2

// pairRenames pairs orphans with new objects of the same kind whose content is alike, the most alike first. Of those that are to be
// compared by a name, the new object is compared with the youngest.
func (d *differ) pairRenames(set *ChangeSet) {
	type pair struct {
		from, to *Change
		score    float64
	}
	var pairs []pair
	for to := range set.All() {
		if to.Op != Create {
			continue
		}
		for _, from := range set.Orphans {
			if kindOf(from.Ref) != kindOf(to.Ref) || from.Ref == to.Ref {
				continue
			}
			score := similarity(from.Live, to.Merged)
			if to.Ref.IsNamespace() {
				score = moved(set, from.Ref.Name, to.Ref.Name)
			}
			if name := to.desired.Annotation("kluctl.io/diff-name"); name != "" && name == from.Live.Annotation("kluctl.io/diff-name") && from.Ref.Namespace == to.Ref.Namespace {
				score = named
			}
			if score >= alike {
				pairs = append(pairs, pair{from, to, score})
			}
		}
	}
	live := map[string]object.Object{}
	if slices.ContainsFunc(pairs, func(p pair) bool { return p.score == named }) {
		for _, o := range d.live.all {
			live[o.Text("metadata", "uid")] = o
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		case a.score == named:
			// Times are in UTC, to the second.
			x, y := live[a.from.uid].Text("metadata", "creationTimestamp"), live[b.from.uid].Text("metadata", "creationTimestamp")
			return cmp.Or(strings.Compare(y, x), object.Compare(b.from.Ref, a.from.Ref))
		}
		return object.Compare(a.from.Ref, b.from.Ref)
	})
	for _, p := range pairs {
		if p.from.RenamedTo == nil && p.to.RenamedFrom == nil {
			p.from.RenamedTo, p.to.RenamedFrom = &p.to.Ref, &p.from.Ref
			if p.score == named {
				d.succeed(p.to, p.from, live[p.from.uid])
			}
		}
	}
}

// succeed compares a new object with the one that it takes the place of. It is known as rendered only: of what the server has
// completed in the other, nothing is told.
func (d *differ) succeed(c, old *Change, live object.Object) {
	ignore, err := newIgnorer(c.desired, c.rules.Ignore, d.opts.Ignore)
	if err != nil {
		return // it was told where c was compared
	}
	fields, _ := changes(old.Live, c.Merged, ignore)
	entries := managed.Entries(live)
	ours := func(f FieldChange) bool {
		return slices.ContainsFunc(entries, func(e managed.Entry) bool {
			return (isOurs(e) || e.Manager == forerunner) && e.Fields.Has(map[string]any(live), f.Path)
		})
	}
	c.Fields = slices.DeleteFunc(fields, func(f FieldChange) bool { return f.Op == Remove && live != nil && !ours(f) })
}

// similarity is the part of the fields that two objects have in common, from 0 to 1. What the deploy itself writes does
// not count, and what the server completes only on one side counts little.
func similarity(a, b object.Object) float64 {
	x, y := content(a), content(b)
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	common := 0
	for leaf := range y {
		if x[leaf] {
			common++
		}
	}
	// Of the rendered object's fields: the live one has defaults besides.
	return float64(common) / float64(len(y))
}

func content(o object.Object) map[string]bool {
	out := map[string]bool{}
	leaves(nil, map[string]any(o), func(p object.Path) {
		switch p[0].Field {
		case "apiVersion", "kind", "metadata":
			return
		}
		v, _ := p.Lookup(map[string]any(o))
		text, _ := json.Marshal(v) // decoded JSON always encodes
		out[p.JSONPath()+" "+string(text)] = true
	})
	return out
}

// moved is the part of the orphans in one namespace that are new in another, from 0 to 1.
func moved(set *ChangeSet, from, to string) float64 {
	created := map[object.ID]bool{}
	for c := range set.All() {
		if c.Op == Create && c.Ref.Namespace == to {
			created[c.Ref.ID()] = true
		}
	}
	here, there := 0, 0
	for _, o := range set.Orphans {
		if o.Ref.Namespace != from {
			continue
		}
		here++
		id := o.Ref.ID()
		if id.Namespace = to; created[id] {
			there++
		}
	}
	if here == 0 {
		return 0
	}
	return float64(there) / float64(here)
}
