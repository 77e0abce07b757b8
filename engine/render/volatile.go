package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// unsettled marks what charts give anew each time. Charts that name a function that does so are rendered a second time;
// where that gives something else, the items that take their objects are built a second time, too, and compared.
func (r *renderer) unsettled(ctx context.Context, target project.Target, works []*work, elsewhere *bases) error {
	twins, err := r.renderAgain(ctx, works)
	if err != nil || len(twins) == 0 {
		return err
	}
	all := make([]*work, len(works)) // of each item the second rendering, where there is one
	differs := map[*project.Source]bool{}
	for i, w := range works {
		all[i] = w
		if t := twins[w]; t != nil {
			all[i], differs[w.item.Source] = t, true
		}
	}
	second := newTrees(all, elsewhere)
	return each(works, func(w *work) error {
		t := twins[w]
		if t == nil {
			if !differs[w.item.Source] || !refersOutside(w) {
				return nil
			}
			t = w.twin(w.files)
		}
		if w.item.OnlyRender {
			return nil
		}
		if err := build(ctx, target, t, second); err != nil {
			return fmt.Errorf("rendered a second time, because a chart gives other values each time: %w", err)
		}
		w.compare(t.objects)
		return nil
	})
}

// twin is the item with other files, before it is built.
func (w *work) twin(files map[string][]byte) *work {
	return &work{item: w.item, dir: w.dir, files: files, around: w.around, releases: w.releases, images: imageFiller{fixed: w.images.fixed, item: w.item}}
}

// renderAgain renders volatile charts as of another time. It returns the items of those that gave something else.
func (r *renderer) renderAgain(ctx context.Context, works []*work) (map[*work]*work, error) {
	found := make(map[*work]*work)
	for _, w := range works {
		for _, rel := range w.releases {
			if rel.chart.Chart.Volatile(rel.values) && found[w] == nil {
				found[w] = w.twin(maps.Clone(w.files))
			}
		}
	}
	err := each(works, func(w *work) error {
		if found[w] == nil {
			return nil
		}
		var errs []error
		for _, output := range slices.Sorted(maps.Keys(w.releases)) {
			rel := w.releases[output]
			if !rel.chart.Chart.Volatile(rel.values) {
				continue
			}
			input := rel.input
			input.AnotherTime = true
			out, err := rel.chart.Chart.Render(ctx, input)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: rendered a second time, to see what it gives anew: %w", rel.file, err))
				continue
			}
			found[w].files[output] = out.Manifest
		}
		return errors.Join(errs...)
	})
	maps.DeleteFunc(found, func(w, twin *work) bool {
		return maps.EqualFunc(w.files, twin.files, bytes.Equal)
	})
	return found, err
}

// compare marks where the item's objects differ from those of a second rendering.
func (w *work) compare(again []Manifest) {
	pairs, unpaired := pair(w.objects, again, func(id object.ID) object.ID {
		id.Name = ""
		return id
	})
	renamed := map[string]bool{}
	for i, twin := range pairs {
		if name := w.objects[i].Object.Ref().Name; twin.Object != nil && twin.Object.Ref().Name != name {
			renamed[name] = true
		}
	}
	for _, i := range unpaired {
		m := w.objects[i]
		w.warnings = append(w.warnings, fmt.Sprintf("%s: %s is not there each time that the chart is rendered", m.Source, m.Object.Ref()))
	}
	kept := map[string][]string{} // by file: what keeps its live values
	for i := range w.objects {
		m := &w.objects[i]
		twin := pairs[i].Object
		if twin == nil {
			continue
		}
		ref := m.Object.Ref()
		if renamed[ref.Name] {
			w.warnings = append(w.warnings, fmt.Sprintf("%s: %s has another name each time it is rendered: each deployment makes a new one, and the one before is no more part of it", m.Source, ref))
		}
		var paths []string
		found := volatilePaths(nil, map[string]any(m.Object), map[string]any(twin))
		slices.SortFunc(found, func(a, b object.Path) int { return strings.Compare(a.String(), b.String()) })
		for _, path := range found {
			u := Unsettled{Path: path, Cause: Volatile, Why: m.Source + " gives another value each time"}
			value, _ := path.Lookup(map[string]any(m.Object))
			second, _ := path.Lookup(map[string]any(twin))
			u.Again, _ = second.(string)
			if name, _ := value.(string); renamed[name] {
				u.Cause, u.Why = Renamed, m.Source+" gives another name each time"
			} else {
				paths = append(paths, path.String())
			}
			m.Unsettled = append(m.Unsettled, u)
		}
		if len(paths) > 0 {
			kept[m.Source] = append(kept[m.Source], fmt.Sprintf("%s (%s)", ref, strings.Join(paths, ", ")))
		}
	}
	for file, objects := range kept {
		w.warnings = append(w.warnings, fmt.Sprintf("%s: the chart gives other values each time; of objects that exist, theirs stay: %s", file, strings.Join(objects, "; ")))
	}
}

// pair finds, for each object, the one of another rendering: by its identity, and what is left over in order, among those that
// are of the same sort. It also returns those that have none.
func pair(objects, again []Manifest, sort func(object.ID) object.ID) (pairs []Manifest, unpaired []int) {
	byID := map[object.ID]Manifest{}
	for _, m := range again {
		byID[m.Object.Ref().ID()] = m
	}
	pairs = make([]Manifest, len(objects))
	var left []int
	for i, m := range objects {
		id := m.Object.Ref().ID()
		if twin, ok := byID[id]; ok {
			pairs[i] = twin
			delete(byID, id)
		} else {
			left = append(left, i)
		}
	}
	over := map[object.ID][]Manifest{}
	for _, m := range again {
		id := m.Object.Ref().ID()
		if _, ok := byID[id]; ok {
			over[sort(id)] = append(over[sort(id)], m)
		}
	}
	for _, i := range left {
		of := sort(objects[i].Object.Ref().ID())
		if len(over[of]) == 0 {
			unpaired = append(unpaired, i)
			continue
		}
		pairs[i], over[of] = over[of][0], over[of][1:]
	}
	return pairs, unpaired
}
