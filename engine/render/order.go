package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
)

// The annotations that put an object into a wave: our own, and Argo CD's where there is none of ours.
const (
	waveAnnotation = "weighlock.dev/wave"
	waveOfArgo     = "argocd.argoproj.io/sync-wave"
)

// Wave reads an object's wave from its annotations; 0 where it has none. Namespaces and definitions go first in their stage
// whatever their wave is, and hooks by their weight.
func Wave(o object.Object) (int, error) {
	name := waveAnnotation
	if o.Annotation(name) == "" {
		name = waveOfArgo
	}
	text := strings.TrimSpace(o.Annotation(name))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: annotation %s: found %q, expected a whole number", o.Ref(), name, text)
	}
	return n, nil
}

// order reads the waves, has items waited for that others need, and finds needs that cannot be met: of what stands behind
// a barrier, or in a later wave.
func order(m *Manifests) error {
	var errs []error
	waves := map[int]*Span{}
	at := map[int]position{}
	for s := range m.Stages {
		for i := range m.Stages[s].Items {
			item := &m.Stages[s].Items[i]
			w, err := item.waves()
			errs = append(errs, err)
			waves[item.Number], at[item.Number] = w, position{s, i}
		}
	}
	m.settle(waves, at)
	for s := range m.Stages {
		for i := range m.Stages[s].Items {
			item := &m.Stages[s].Items[i]
			for _, n := range item.Needs {
				p, ok := at[n]
				if !ok {
					continue // it is only rendered, or has nothing to do
				}
				need := &m.Stages[p.stage].Items[p.item]
				need.Waiting.All = true
				switch first, last := item.Waves.First, waves[n].Last; {
				case p.stage > s:
					errs = append(errs, fmt.Errorf("%s: depends on %s, which stands behind a barrier that comes after it", item.From, need.Dir))
				case p.stage == s && last > first:
					errs = append(errs, fmt.Errorf("%s: depends on %s, which has objects of wave %d, and has some of wave %d itself, which go before those", item.From, need.Dir, last, first))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// settle says of all items in which waves they are. One that has no object in any goes when all that it needs is there.
func (m *Manifests) settle(waves map[int]*Span, at map[int]position) {
	var settle func(n int) Span
	settle = func(n int) Span {
		p := at[n]
		item := &m.Stages[p.stage].Items[p.item]
		if waves[n] == nil {
			last := 0
			for _, need := range item.Needs {
				if q, ok := at[need]; ok && q.stage == p.stage {
					last = max(last, settle(need).Last)
				}
			}
			waves[n] = &Span{last, last}
		}
		item.Waves = *waves[n]
		return item.Waves
	}
	for n := range at {
		settle(n)
	}
}

// position is where an item stands.
type position struct{ stage, item int }

// waves fills in the objects' waves. What goes before all others, and what is only there to be deleted, is in none.
func (i *Item) waves() (*Span, error) {
	var errs []error
	var out *Span
	for n := range i.Objects {
		o := &i.Objects[n]
		wave, err := Wave(o.Object)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Source, err))
		}
		if !inWaves(o.Object) {
			continue
		}
		o.Wave = wave
		if out == nil {
			out = &Span{wave, wave}
		}
		out.First, out.Last = min(out.First, wave), max(out.Last, wave)
	}
	return out, errors.Join(errs...)
}

func inWaves(o object.Object) bool {
	if deleted, _ := strconv.ParseBool(o.Annotation("kluctl.io/delete")); deleted {
		return false
	}
	ref := o.Ref()
	return !ref.IsNamespace() && !ref.IsCRD() && !isHook(o)
}

func isHook(o object.Object) bool {
	h, _, err := hook.Of(o)
	return err == nil && h != nil
}
