package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// hiddenPaths are the fields of a manifest, in the form in which it is sent, that are not shown: they depend on a secret
// value, or on one that nobody knows.
func hiddenPaths(m render.Manifest) []object.Path {
	var out []object.Path
	for _, p := range m.Hidden {
		out = append(out, wirePath(m.Object, render.Unsettled{Path: p}))
	}
	for _, u := range m.Unsettled {
		if u.Cause == render.NoKey {
			out = append(out, wirePath(m.Object, u))
		}
	}
	return out
}

// unknown says which fields of the object could not be decrypted, and why; "" when all are known.
func (c *Change) unknown() string {
	var paths []string
	why := ""
	for _, u := range c.unsettled {
		if u.Cause == render.NoKey {
			paths, why = append(paths, wirePath(c.desired, u).String()), u.Why
		}
	}
	if paths == nil {
		return ""
	}
	return strings.Join(paths, ", ") + ": " + why
}

// Refusal is why the object must not be written, though the change could be looked at; nil when it may.
func (c *Change) Refusal() error {
	if c.desired == nil {
		return nil
	}
	if unknown := c.unknown(); unknown != "" {
		return fmt.Errorf("%s: not written: %s", c.Ref, unknown)
	}
	return nil
}

// conceal takes secret values out of what a change shows of its object: by their content, and at the paths that short ones
// reach. What stands live where a secret is to stand may be the secret of before, which nobody told us: it is hidden, too.
func (k *masker) conceal(c *Change) {
	if unknown := c.unknown(); unknown != "" {
		c.Warnings = append(c.Warnings, "not compared: "+unknown)
	}
	for i, f := range c.Conflicts {
		if slices.ContainsFunc(c.hidden, f.Path.HasPrefix) {
			f.Secret, f.Ours, f.Theirs = true, nil, nil
		}
		f.Theirs, f.Ours = k.hideBefore(f.Theirs, f.Ours), k.hideIn(f.Ours, f.Path, c.hidden)
		f.Theirs, f.Path = k.hideIn(f.Theirs, f.Path, c.hidden), k.path(f.Path)
		c.Conflicts[i] = f
	}
	for i, f := range c.Fields {
		differ := !object.Equal(f.Old, f.New)
		old, new := k.hideIn(k.hideBefore(f.Old, f.New), f.Path, c.hidden), k.hideIn(f.New, f.Path, c.hidden)
		if slices.ContainsFunc(c.hidden, f.Path.HasPrefix) || differ && object.Equal(old, new) || new == any(Hidden) {
			f.Secret, old, new = true, nil, nil
		}
		f.Path, f.Old, f.New = k.path(f.Path), old, new
		c.Fields[i] = f
	}
	if c.Live != nil {
		live := any(map[string]any(c.Live))
		if _, holds := mask.Value(map[string]any(c.Merged), k.text); holds {
			live = k.hideBefore(live, map[string]any(c.Merged))
		}
		c.Live, _ = k.hideIn(live, nil, c.hidden).(map[string]any)
	}
	if c.Merged != nil {
		c.Merged, _ = k.hideIn(map[string]any(c.Merged), nil, c.hidden).(map[string]any)
	}
}

// hideBefore returns old with those texts hidden in whose place new has others that hold a secret; of texts of several
// lines, the lines that new does not have. old is not changed.
func (k *masker) hideBefore(old, new any) any {
	switch o := old.(type) {
	case map[string]any:
		n, _ := new.(map[string]any)
		out := maps.Clone(o)
		for key, v := range o {
			out[key] = k.hideBefore(v, n[key])
		}
		return out
	case []any:
		n, _ := new.([]any)
		out := slices.Clone(o)
		for i, v := range o {
			if is, ok := (object.Path{}).In(o, i).Lookup(n); ok {
				out[i] = k.hideBefore(v, is)
			}
		}
		return out
	}
	is, _ := new.(string)
	if object.Equal(old, new) || k.text(is) == is {
		return old
	}
	was, ok := old.(string)
	if !ok || !strings.Contains(was, "\n") {
		return Hidden
	}
	lines, kept := strings.Split(was, "\n"), strings.Split(is, "\n")
	for i, l := range lines {
		if !slices.Contains(kept, l) {
			lines[i] = Hidden
		}
	}
	return strings.Join(lines, "\n")
}

// learnBefore makes secrets of what stands live where a secret is to stand: texts of the server may quote it. Of what is
// around the secret in its text, only the rest is one. Texts of several lines have too much else in them.
func (k *masker) learnBefore(old, new any) {
	switch o := old.(type) {
	case map[string]any:
		n, _ := new.(map[string]any)
		for key, v := range o {
			k.learnBefore(v, n[key])
		}
		return
	case []any:
		n, _ := new.([]any)
		for i, v := range o {
			if is, ok := (object.Path{}).In(o, i).Lookup(n); ok {
				k.learnBefore(v, is)
			}
		}
		return
	}
	is, _ := new.(string)
	masked, was := k.text(is), object.ScalarText(old)
	if masked == is || was == is || strings.Contains(was, "\n") {
		return
	}
	first, last := strings.Index(masked, Hidden), strings.LastIndex(masked, Hidden)
	if first < 0 {
		return
	}
	if rest, ok := strings.CutPrefix(was, masked[:first]); ok {
		if rest, ok := strings.CutSuffix(rest, masked[last+len(Hidden):]); ok {
			was = rest
		}
	}
	k.secrets.Add(was)
}

// hideIn returns v, which stands at path in an object, without secret values. v is not changed.
func (k *masker) hideIn(v any, path object.Path, hidden []object.Path) any {
	out, _ := mask.Value(v, k.text)
	cloned := false
	for _, h := range hidden {
		if len(h) <= len(path) || !h.HasPrefix(path) {
			continue
		}
		if !cloned {
			out, cloned = object.CloneValue(out), true
		}
		h[len(path):].Replace(out, func(any) any { return Hidden })
	}
	return out
}

// path takes secret values out of the keys of a path.
func (k *masker) path(p object.Path) object.Path {
	out := slices.Clone(p)
	for i := range out {
		out[i].Field, out[i].Value = k.text(out[i].Field), k.text(out[i].Value)
	}
	return out
}

// secrets returns v, which stands at path in the object of c, for the digest: what would be hidden from a reader is
// sealed. v is not changed.
func (s *sealer) secrets(c *Change, path object.Path, v any) any {
	if v == nil || c.mask == nil {
		return v
	}
	if slices.ContainsFunc(c.hidden, path.HasPrefix) {
		return s.value(v)
	}
	out, _ := mask.Value(v, func(text string) string {
		shown := c.mask.text(text)
		if shown == text {
			return text
		}
		return s.sealed(text, shown)
	})
	cloned := false
	for _, h := range c.hidden {
		if len(h) <= len(path) || !h.HasPrefix(path) {
			continue
		}
		if !cloned {
			out, cloned = object.CloneValue(out), true
		}
		rest := h[len(path):]
		was, _ := rest.Lookup(v)
		rest.Replace(out, func(any) any { return s.value(was) })
	}
	return out
}
