package diff

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Hidden stands where a secret value was.
const Hidden = mask.Hidden

// A masker knows the secret values of a run and takes them out of what is shown.
type masker struct{ secrets *mask.Set }

func newMasker(m *render.Manifests) *masker {
	k := &masker{secrets: m.Secrets}
	if k.secrets == nil {
		k.secrets = &mask.Set{}
	}
	for o := range m.All() {
		k.learn(o.Object)
	}
	return k
}

// secretMaps are the fields of a Secret that hold values.
var secretMaps = []string{"data", "stringData"}

// learn remembers the values of a Secret; other objects and nil are ignored.
func (k *masker) learn(o object.Object) {
	if o == nil || !o.Ref().IsSecret() {
		return
	}
	render.LearnSecret(o, k.secrets)
}

// text takes secret values out of a text: an API server's error may quote them.
func (k *masker) text(s string) string {
	if k == nil {
		return s
	}
	return k.secrets.Text(s)
}

// conflicts masks the two sides of conflicts.
func (k *masker) conflicts(c *Change) {
	for i, f := range c.Conflicts {
		if c.Ref.IsSecret() && secretPath(f.Path) {
			c.Conflicts[i].Secret, c.Conflicts[i].Ours, c.Conflicts[i].Theirs = true, nil, nil
		}
	}
}

// err masks an error's text.
func (k *masker) err(err error) error { return refusal(err, k.secrets.Error, k.text) }

// refusal masks an error. One that is the server's refusal stays one, as what may be shown of it besides depends on that.
func refusal(err error, mask func(error) error, text func(string) string) error {
	masked := mask(err)
	if err == nil || masked.Error() == err.Error() {
		return err
	}
	var replace *ReplaceError
	var invalid *InvalidError
	switch {
	case errors.As(err, &replace):
		out := *replace
		out.Fields, out.Reason, out.Err = slices.Clone(replace.Fields), text(replace.Reason), refusal(replace.Err, mask, text)
		for i, f := range out.Fields {
			out.Fields[i] = text(f)
		}
		return &out
	case errors.As(err, &invalid):
		out := &InvalidError{Err: masked}
		for _, c := range invalid.Causes {
			out.Causes = append(out.Causes, InvalidCause{c.Type, text(c.Field), text(c.Message)})
		}
		return out
	case errors.As(err, new(*DeniedError)):
		return &DeniedError{masked}
	case errors.As(err, new(*RefusedError)):
		return &RefusedError{masked}
	}
	return masked
}

// changeSet masks everything in set that may be shown.
func (k *masker) changeSet(set *ChangeSet) {
	for i, w := range set.Warnings {
		set.Warnings[i] = k.text(w)
	}
	for c := range set.All() {
		c.mask = k
		c.Err = c.Mask(c.Err)
		c.Reason = k.text(c.Reason)
		conflicts := slices.Clone(c.Conflicts)
		k.conflicts(c)
		k.conceal(c)
		c.sides(conflicts)
		k.words(c)
		concealSealed(c)
		if !c.Ref.IsSecret() {
			continue
		}
		c.Live, c.Merged = hide(c.Live), hide(c.Merged)
		for i, f := range c.Fields {
			if secretPath(f.Path) {
				c.Fields[i].Secret, c.Fields[i].Old, c.Fields[i].New = true, nil, nil
			}
		}
	}
}

// secretText finds values of a Secret that are no text. The API server would refuse them too, but quote them.
func secretText(o object.Object) error {
	ref := o.Ref()
	if !ref.IsSecret() {
		return nil
	}
	var errs []error
	for _, f := range secretMaps {
		v, ok := o[f]
		if !ok || v == nil {
			continue
		}
		m, ok := v.(map[string]any)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %s: found a %s, expected a map of texts", ref, f, object.TypeName(v)))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			switch m[key].(type) {
			case string, nil:
			default:
				errs = append(errs, fmt.Errorf("%s: %s.%s: found a %s, expected text: put it in quotes", ref, f, key, object.TypeName(m[key])))
			}
		}
	}
	return errors.Join(errs...)
}

// secretPath says whether a path of a Secret leads to a value.
func secretPath(p object.Path) bool { return len(p) > 0 && slices.Contains(secretMaps, p[0].Field) }

// hide returns a copy of a Secret with its values hidden; its keys stay.
func hide(o object.Object) object.Object {
	if o == nil {
		return nil
	}
	out := o.Clone()
	for _, f := range secretMaps {
		if m := out.Map(f); m != nil {
			for key := range m {
				m[key] = Hidden
			}
		} else if _, ok := out[f]; ok {
			out[f] = Hidden // not a map: still nothing to show
		}
	}
	return out
}
