package diff

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// consequences counts what goes with the objects that are deleted or replaced, and what a changed definition takes away.
func (d *differ) consequences(ctx context.Context, set *ChangeSet) {
	var jobs []func()
	for c := range set.All() {
		if c.Op == Update && c.Ref.IsCRD() {
			jobs = append(jobs, func() { c.Consequences = d.narrowings(ctx, c) })
		}
		if needed := d.needs(c); len(needed) > 0 && c.orphan && c.Op == Delete {
			c.Op, c.Reason = Skip, "kept: with it would go what the project has: "+refs(needed)
			continue
		}
		if c.Op == Delete || c.Op == Replace {
			jobs = append(jobs, func() {
				all := d.consequencesOf(ctx, c)
				c.Consequences = all.lines
				if len(all.kept) > 0 && c.orphan && c.Op == Delete {
					c.Op, c.Consequences = Skip, nil
					c.Reason = "kept: with it would go what is not to be deleted: " + refs(all.kept)
				}
			})
		}
	}
	d.run(jobs)
}

// needs are the objects of the project that live in c or are of the kind that c defines.
func (d *differ) needs(c *Change) []object.Ref {
	if !c.Ref.IsNamespace() && !c.Ref.IsCRD() {
		return nil
	}
	var out []object.Ref
	group, kind := definedKind(c.Live, c.Ref.Name)
	for _, r := range d.rendered {
		switch {
		case c.Ref.IsNamespace() && r.Namespace == c.Ref.Name:
			out = append(out, r)
		case c.Ref.IsCRD() && r.Group == group && (r.Kind == kind || d.live.kinds[kindOf(r)].Resource == kind):
			out = append(out, r)
		}
	}
	return out
}

// consequences is what goes with an object.
type consequences struct {
	lines []string
	// kept are the objects among them that are annotated as not to be deleted.
	kept []object.Ref
}

func (d *differ) consequencesOf(ctx context.Context, c *Change) consequences {
	switch {
	case c.Ref.IsNamespace():
		return d.contentOfNamespace(ctx, c.Ref.Name)
	case c.Ref.IsCRD():
		return d.objectsOfDefinition(ctx, c)
	case c.Ref.Group == "" && c.Ref.Kind == "PersistentVolumeClaim":
		return consequences{lines: append(d.dataOfClaim(ctx, c), d.usersOfClaim(ctx, c.Ref)...)}
	case c.Op == Replace && c.Ref.Group == "" && c.Ref.Kind == "Service":
		return consequences{lines: []string{"it gets other addresses: cluster IP, node ports and load balancer are allocated anew"}}
	case c.Op == Replace:
		return consequences{lines: d.ownedBy(ctx, c)}
	}
	return consequences{}
}

// contentOfNamespace lists what is in a namespace, without what each namespace has.
func (d *differ) contentOfNamespace(ctx context.Context, name string) consequences {
	var queries []Query
	for _, k := range d.live.kinds {
		if k.Namespaced {
			queries = append(queries, Query{Kind: k, Namespace: name})
		}
	}
	found, failed := d.list(ctx, queries)
	var own, owned, kept []object.Ref
	seen := map[string]bool{}
	for _, o := range found {
		ref, uid := o.Ref(), o.Text("metadata", "uid")
		if seen[uid] || ref.Kind == "ConfigMap" && ref.Name == "kube-root-ca.crt" || ref.Kind == "ServiceAccount" && ref.Name == "default" {
			continue
		}
		seen[uid] = true
		if keep(o, d.manifests.Target.Inclusion) != "" {
			kept = append(kept, ref)
		}
		if owners, _ := o.Map("metadata")["ownerReferences"].([]any); len(owners) > 0 {
			owned = append(owned, ref)
		} else {
			own = append(own, ref)
		}
	}
	text := count(len(own), "object goes", "objects go") + " with it"
	if len(owned) > 0 {
		text += fmt.Sprintf(", and %d that they own", len(owned))
	}
	if len(own) > 0 {
		text += ": " + refs(own)
	}
	out := []string{text}
	if len(failed) > 0 {
		kinds := make([]string, len(failed))
		for i, f := range failed {
			kinds[i] = f.query.Kind.String()
		}
		slices.Sort(kinds)
		out = append(out, fmt.Sprintf("more may go with it: %s cannot be listed there: %s", count(len(kinds), "kind", "kinds"), strings.Join(kinds, ", ")))
	}
	return consequences{out, kept}
}

func (d *differ) objectsOfDefinition(ctx context.Context, c *Change) consequences {
	group, kind := definedKind(c.Live, c.Ref.Name)
	for _, k := range d.live.kinds {
		if k.Group != group || (k.Kind != kind && k.Resource != kind) {
			continue
		}
		found, failed := d.list(ctx, []Query{{Kind: k}})
		if len(failed) > 0 {
			return consequences{lines: []string{fmt.Sprintf("all objects of its kind go with it; how many is not known: %v", failed[0].err)}}
		}
		var all, kept []object.Ref
		for _, o := range found {
			all = append(all, o.Ref())
			if keep(o, d.manifests.Target.Inclusion) != "" {
				kept = append(kept, o.Ref())
			}
		}
		if len(all) == 0 {
			return consequences{lines: []string{"there are no objects of its kind"}}
		}
		return consequences{[]string{count(len(all), "object", "objects") + " of its kind " + plural(len(all), "goes", "go") + " with it: " + refs(all)}, kept}
	}
	return consequences{lines: []string{"all objects of its kind go with it"}}
}

// definedKind is the group of a definition and its kind, or its resource where only the metadata is known: the name of
// a definition is resource.group.
func definedKind(o object.Object, name string) (group, kind string) {
	if kind := o.Text("spec", "names", "kind"); kind != "" {
		return o.Text("spec", "group"), kind
	}
	kind, group, _ = strings.Cut(name, ".")
	return group, kind
}

func (d *differ) dataOfClaim(ctx context.Context, c *Change) []string {
	claim, err := d.previewer.Get(ctx, c.Ref)
	if err != nil || claim == nil {
		return []string{"its data goes with it"}
	}
	size := claim.Text("status", "capacity", "storage")
	volume := claim.Text("spec", "volumeName")
	if volume == "" {
		return []string{"it is not bound: there is no data yet"}
	}
	text := fmt.Sprintf("its data goes with it: %s in volume %s", size, volume)
	if pv, err := d.previewer.Get(ctx, object.Ref{Version: "v1", Kind: "PersistentVolume", Name: volume}); err == nil && pv != nil && pv.Text("spec", "persistentVolumeReclaimPolicy") == "Retain" {
		text = fmt.Sprintf("its data stays in volume %s (%s), which is retained", volume, size)
	}
	return []string{text}
}

// usersOfClaim names the pods that use a claim.
func (d *differ) usersOfClaim(ctx context.Context, claim object.Ref) []string {
	pods, ok := d.live.kinds[groupKind{"", "Pod"}]
	if !ok {
		return nil
	}
	found, failed := d.list(ctx, []Query{{Kind: pods, Namespace: claim.Namespace, Whole: true}})
	if len(failed) > 0 {
		return []string{fmt.Sprintf("whether pods use it is not known: %v", failed[0].err)}
	}
	var users []object.Ref
	for _, o := range found {
		volumes, _ := o.Map("spec")["volumes"].([]any)
		for _, v := range volumes {
			volume, _ := v.(map[string]any)
			if object.Object(volume).Text("persistentVolumeClaim", "claimName") == claim.Name {
				users = append(users, o.Ref())
				break
			}
		}
	}
	if len(users) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("it is in use by %s: %s", count(len(users), "pod", "pods"), refs(users))}
}

// ownedBy counts the pods that a replaced workload takes along.
func (d *differ) ownedBy(ctx context.Context, c *Change) []string {
	pods, ok := d.live.kinds[groupKind{"", "Pod"}]
	selector := c.Live.Map("spec", "selector", "matchLabels")
	if !ok || len(selector) == 0 && c.Ref.Kind != "Job" {
		return nil
	}
	found, failed := d.list(ctx, []Query{{Kind: pods, Namespace: c.Ref.Namespace}})
	if len(failed) > 0 {
		return []string{fmt.Sprintf("its pods go with it; how many is not known: %v", failed[0].err)}
	}
	var owned []object.Ref
	for _, o := range found {
		labels := o.Map("metadata", "labels")
		matches := len(selector) > 0
		for k, v := range selector {
			matches = matches && labels[k] == v
		}
		if matches || c.uid != "" && (labels["controller-uid"] == c.uid || labels["batch.kubernetes.io/controller-uid"] == c.uid) {
			owned = append(owned, o.Ref())
		}
	}
	if len(owned) == 0 {
		return []string{"it has no pods"}
	}
	return []string{count(len(owned), "pod", "pods") + " " + plural(len(owned), "goes", "go") + " with it: " + refs(owned)}
}

// count words a number of things.
func count(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// refs lists objects, the first of many.
func refs(list []object.Ref) string {
	slices.SortFunc(list, object.Compare)
	const most = 20
	byText := map[string]bool{}
	for _, r := range list {
		byText[r.String()] = true
	}
	texts := slices.Sorted(maps.Keys(byText))
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return strings.Join(texts, ", ")
}
