package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
// reach.
func (k *masker) conceal(c *Change) {
	if unknown := c.unknown(); unknown != "" {
		c.Warnings = append(c.Warnings, "not compared: "+unknown)
	}
	for i, f := range c.Conflicts {
		if slices.ContainsFunc(c.hidden, f.Path.HasPrefix) {
			f.Secret, f.Ours, f.Theirs = true, nil, nil
		}
		f.Ours, f.Theirs = k.hideIn(f.Ours, f.Path, c.hidden), k.hideIn(f.Theirs, f.Path, c.hidden)
		f.Path = k.path(f.Path)
		c.Conflicts[i] = f
	}
	if c.Live != nil {
		c.Live = k.hideIn(map[string]any(c.Live), nil, c.hidden).(map[string]any)
	}
	if c.Merged != nil {
		c.Merged = k.hideIn(map[string]any(c.Merged), nil, c.hidden).(map[string]any)
	}
	for i, f := range c.Fields {
		secret := slices.ContainsFunc(c.hidden, f.Path.HasPrefix)
		old, new := k.hideIn(f.Old, f.Path, c.hidden), k.hideIn(f.New, f.Path, c.hidden)
		differ := !object.Equal(f.Old, f.New)
		if secret || differ && object.Equal(old, new) || old == any(Hidden) || new == any(Hidden) {
			f.Secret, old, new = true, nil, nil
		}
		f.Path, f.Old, f.New = k.path(f.Path), old, new
		c.Fields[i] = f
	}
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

// sealSecrets returns v, which stands at path in the object of c, for the digest: what would be hidden from a reader is
// sealed. v is not changed.
func sealSecrets(c *Change, path object.Path, v any, key []byte) any {
	if v == nil || c.mask == nil {
		return v
	}
	if slices.ContainsFunc(c.hidden, path.HasPrefix) {
		return sealValue(v, key)
	}
	out, _ := mask.Value(v, func(s string) string {
		if m := c.mask.text(s); m == s || key == nil {
			return m
		}
		mac := hmac.New(sha256.New, key)
		text, _ := json.Marshal(s)
		mac.Write(text)
		return hex.EncodeToString(mac.Sum(nil))
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
		rest.Replace(out, func(any) any { return sealValue(was, key) })
	}
	return out
}
