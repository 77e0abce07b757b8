// Package validate says whether what a target renders is in its cluster and ready.
//
// [Validate] looks once; whoever wants to wait asks again. It reads and never writes.
package validate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/ready"
	"github.com/weighlock/weighlock/engine/render"
)

// A Finding is something about an object, in words.
type Finding struct {
	Ref     object.Ref
	Message string
	// Annotation is the one that a controller wrote the message into; "" for what was found here.
	Annotation string
}

// A Result is what was found. Its findings stand in the order of the rendered objects.
type Result struct {
	Target project.Target
	// Looked is how many objects were looked at.
	Looked int
	// Problems are why the target is not as it should be. There are none if it is ready.
	Problems []Finding
	// Told is what controllers wrote about objects, ready or not.
	Told []Finding
	// Warnings are those of rendering.
	Warnings []string
}

// Ready says whether all is as it should be.
func (r *Result) Ready() bool { return len(r.Problems) == 0 }

// Options say how to judge.
type Options struct {
	// Rules are the repository's own; nil has none.
	Rules *ready.Rules
	// Now is the clock.
	Now func() time.Time
}

// parallel is how many objects are looked at at once.
const parallel = 16

// toldPrefix begins the annotations by which controllers tell what they found (project format §12).
const toldPrefix = "validate-result.kluctl.io/"

// Validate looks at every rendered object. What cannot be read is a problem, and not taken for absent.
func Validate(ctx context.Context, m *render.Manifests, o apply.Observer, opts Options) (*Result, error) {
	out := &Result{Target: m.Target, Warnings: m.Warnings}
	var rendered []render.Manifest
	for d := range m.All() {
		rendered = append(rendered, d)
	}
	type seen struct {
		problem string
		told    []Finding
	}
	looked := make([]seen, len(rendered))
	v := validator{observer: o, opts: opts, expects: map[string]bool{}}
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, d := range rendered {
		g.Go(func() error {
			live, err := v.look(ctx, d.Object)
			if err != nil {
				looked[i].problem = m.Secrets.Text(err.Error())
			}
			looked[i].told = told(live)
			return nil
		})
	}
	g.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("validating: %w", context.Cause(ctx))
	}
	out.Looked = len(rendered)
	for i, s := range looked {
		ref := rendered[i].Object.Ref()
		if s.problem != "" {
			out.Problems = append(out.Problems, Finding{Ref: ref, Message: s.problem})
		}
		for _, t := range s.told {
			t.Message = m.Secrets.Text(t.Message)
			out.Told = append(out.Told, t)
		}
	}
	return out, nil
}

// validator is one run of Validate.
type validator struct {
	observer apply.Observer
	opts     Options
	mu       sync.Mutex
	expects  map[string]bool // by kind
}

// look returns the live object and what is wrong with it.
func (v *validator) look(ctx context.Context, desired object.Object) (object.Object, error) {
	ref := desired.Ref()
	h, _, err := hook.Of(desired)
	if err != nil {
		return nil, err
	}
	if h != nil && (!h.Persistent() || len(h.Phases) == 0) {
		return nil, nil // it is not meant to stay
	}
	live, err := v.observer.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	if removed, _ := strconv.ParseBool(desired.Annotation("kluctl.io/delete")); removed {
		if live != nil {
			return live, errors.New("is still there, although the project says that it is to be deleted")
		}
		return nil, nil
	}
	switch {
	case live == nil && h != nil && !always(h):
		return nil, nil // it may never have run
	case live == nil:
		return nil, errors.New("object not found: deploy the target")
	}
	expects, err := v.expectsStatus(ctx, ref)
	if err != nil {
		return live, err
	}
	state, err := v.opts.Rules.Assess(ready.Observation{Object: live, ExpectsStatus: expects, Hook: h != nil, Now: v.opts.Now()})
	switch {
	case err != nil:
		return live, err
	case state.Phase == ready.Failed:
		return live, fmt.Errorf("has failed: %s", state.Reason)
	case state.Phase == ready.Waiting:
		return live, fmt.Errorf("is not ready: %s", state.Reason)
	}
	return live, nil
}

// always says whether a hook runs in each deploy.
func always(h *hook.Hook) bool {
	return slices.ContainsFunc(h.Phases, func(p hook.Phase) bool { return p == hook.PreDeploy || p == hook.PostDeploy })
}

func (v *validator) expectsStatus(ctx context.Context, ref object.Ref) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := ref.APIVersion() + "/" + ref.Kind
	if known, ok := v.expects[key]; ok {
		return known, nil
	}
	expects, err := v.observer.ExpectsStatus(ctx, ref)
	if err == nil {
		v.expects[key] = expects
	}
	return expects, err
}

// told is what controllers wrote on a live object.
func told(live object.Object) []Finding {
	var out []Finding
	annotations := live.Map("metadata", "annotations")
	for _, k := range slices.Sorted(maps.Keys(annotations)) {
		if text, ok := annotations[k].(string); ok && strings.HasPrefix(k, toldPrefix) {
			out = append(out, Finding{Ref: live.Ref(), Annotation: k, Message: text})
		}
	}
	return out
}
