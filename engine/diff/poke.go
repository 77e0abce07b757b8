package diff

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Poke says what would change if nothing but the images for which the templates ask (project format §7) were replaced, in
// the objects that are deployed already. All else of these is sent as we have it in the cluster, whatever is rendered.
// What is not deployed, or not by this target, is a warning. The change set holds objects that have such images, alone;
// hooks are not among them, because they get their images when they run.
func Poke(ctx context.Context, m *render.Manifests, p Previewer, opts Options) (*ChangeSet, error) {
	d := &differ{previewer: p, opts: opts, mask: newMasker(m), manifests: m}
	images := map[object.ID][]render.Image{}
	for _, i := range m.Images {
		if last := i.Path[len(i.Path)-1]; i.Whole || last.Field == "image" {
			images[i.Object.ID()] = append(images[i.Object.ID()], i)
		}
	}
	set := newSet(m, d.mask)
	set.Narrow = true
	var jobs []func()
	d.pick(set, func(c *Change) bool { return images[c.Ref.ID()] != nil && c.Hook == nil && !c.removal })
	for c := range set.All() {
		if c.Op == "" {
			jobs = append(jobs, func() { d.poke(ctx, c, images[c.Ref.ID()]) })
		}
	}
	d.run(jobs)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("comparing with the cluster: %w", context.Cause(ctx))
	}
	d.pick(set, func(c *Change) bool {
		if c.Op == Skip {
			set.Warnings = append(set.Warnings, fmt.Sprintf("%s: its images are not replaced: %s", c.Ref, c.Reason))
		}
		return c.Op != Skip
	})
	d.conclude(set)
	return set, nil
}

// pick leaves those changes in the set that are to stay.
func (d *differ) pick(set *ChangeSet, stays func(*Change) bool) {
	for _, s := range set.Stages {
		for i := range s.Items {
			s.Items[i].Changes = slices.DeleteFunc(s.Items[i].Changes, func(c *Change) bool { return !stays(c) })
		}
	}
}

// poke fills in c for an object with images; [Skip] is for one that is left alone.
func (d *differ) poke(ctx context.Context, c *Change, images []render.Image) {
	live, err := d.previewer.Get(ctx, c.Ref)
	var noKind *NoKindError
	switch {
	case errors.As(err, &noKind), err == nil && live == nil:
		c.Op, c.Reason = Skip, "it is not there; a deploy makes it"
		return
	case err != nil:
		d.fail(c, err)
		return
	}
	if owner := otherOwner(live, c.desired, d.manifests.Target.Discriminator); owner != "" || !deployed(live) {
		c.Op, c.Reason = Skip, "it was not deployed by this tool; a deploy takes it over"
		if owner != "" {
			c.Reason = fmt.Sprintf("it belongs to %s; a deploy takes it over", owner)
		}
		return
	}
	c.desired, err = poked(c, live, images)
	if err != nil {
		d.fail(c, err)
		return
	}
	c.unsettled = nil // the live values are what is sent
	if err := checkRules(c, d.opts); err != nil {
		d.fail(c, err)
		return
	}
	d.existing(ctx, c, live, nil)
	if c.Op == Replace {
		d.fail(c, fmt.Errorf("its images cannot be replaced where it is: deploy it instead: %w", c.Err))
	}
	for _, f := range c.Fields {
		// Whatever else the server makes of it is not what we ask for.
		if c.Op != Failed && f.Cause == "" && !slices.ContainsFunc(images, func(i render.Image) bool { return f.Path.HasPrefix(i.Path) }) {
			d.fail(c, fmt.Errorf("%s: %s would change, too, which is no image: deploy it instead", c.Ref, f.Path))
		}
	}
	if c.Op == Failed {
		c.Fields, c.Merged = nil, nil
	}
}

// deployed says whether a live object has been applied by this tool, or by Kluctl.
func deployed(live object.Object) bool {
	return slices.ContainsFunc(managed.Entries(live), func(e managed.Entry) bool {
		return e.Operation == managed.Apply && e.Subresource == "" && managers[e.Manager]
	})
}

// poked is what we have applied to a live object, or are about to take over, with images in the place of those that are
// there. The rest of c's desired object is not looked at. What cannot be replaced is a warning.
func poked(c *Change, live object.Object, images []render.Image) (object.Object, error) {
	entries := managed.Entries(live)
	owned := managed.Union(appliedFields(live))
	if t := takeover(live, live, nil); t != nil {
		taken, _ := t.split(entries)
		owned = managed.Union(owned, taken)
	}
	for _, e := range entries {
		if (isOurs(e) || e.Subresource == "" && e.Manager == forerunner) && e.APIVersion != c.Ref.APIVersion() {
			return nil, fmt.Errorf("%s: was deployed as %s and is rendered as %s: deploy it instead", c.Ref, e.APIVersion, c.Ref.APIVersion())
		}
	}
	var wanted []render.Image
	for _, i := range images {
		now, ok := i.Path.Lookup(map[string]any(live))
		want, _ := i.Path.Lookup(map[string]any(c.desired))
		switch {
		case !ok:
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s is not there, so its image is not replaced; a deploy makes it", i.Path))
			continue
		case object.Equal(now, want):
			continue
		}
		if !owned.Has(map[string]any(live), i.Path) {
			path := nameOf(entries, live, i.Path)
			if path == nil {
				c.Warnings = append(c.Warnings, fmt.Sprintf("%s cannot be replaced by itself, because others own it as a part of something; a deploy replaces it", i.Path))
				continue
			}
			owned = managed.Union(owned, managed.TreeOf(path))
		}
		wanted = append(wanted, i)
	}
	out, _ := managed.Extract(map[string]any(live), owned).(map[string]any)
	desired := object.Object(out)
	desired["apiVersion"], desired["kind"] = c.Ref.APIVersion(), c.Ref.Kind
	if desired.Map("metadata") == nil {
		desired["metadata"] = map[string]any{}
	}
	desired.Map("metadata")["name"] = c.Ref.Name
	if c.Ref.Namespace != "" {
		desired.Map("metadata")["namespace"] = c.Ref.Namespace
	}
	for _, i := range wanted {
		want, _ := i.Path.Lookup(map[string]any(c.desired))
		i.Path.Replace(map[string]any(desired), func(any) any { return want })
	}
	return desired, nil
}

// nameOf is by which path the owner of a live field has it; nil if nobody has it by itself.
func nameOf(entries []managed.Entry, live object.Object, at object.Path) managed.Path {
	for _, e := range entries {
		if p := e.Fields.Names(map[string]any(live), at); p != nil {
			return p
		}
	}
	return nil
}
