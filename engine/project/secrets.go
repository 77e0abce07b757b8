package project

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/internal/sops"
	"github.com/weighlock/weighlock/engine/object"
)

// Keys say where the keys of files come from that SOPS encrypted.
type Keys = sops.Keys

// A Variant says what stands in the place of values that nobody may see. What depends on such a value without holding it
// as it is shows when two variants are rendered and compared.
type Variant int

// The variants.
const (
	// Actual has the values, and a placeholder for each that cannot be decrypted.
	Actual Variant = iota
	// OtherPlaceholders has other placeholders.
	OtherPlaceholders
	// OtherValues has other values of the same type and shape for the secret ones.
	OtherValues
	// OtherDeclared has other values also for those of which the project declares that they are no secrets, though their
	// sources are where secrets are kept.
	OtherDeclared
)

// kept is what one run of Resolve, and the rendering of its result, keep secret. It is safe for concurrent use.
type kept struct {
	secrets *mask.Set
	sops    *sops.Decrypter
	variant Variant

	mu      sync.Mutex
	short   map[string]bool
	missing map[string]string // why a file is not decrypted, by its name
	// declared are the sources of which the project says that they hold no secrets, and values what they gave.
	declared map[string]bool
	values   *mask.Set
}

func keep(d *sops.Decrypter, v Variant) *kept {
	return &kept{
		secrets: &mask.Set{}, sops: d, variant: v, short: map[string]bool{}, missing: map[string]string{},
		declared: map[string]bool{}, values: &mask.Set{},
	}
}

// hide makes every scalar of a decoded value a secret, and returns what templates see in its place.
func (k *kept) hide(v any) any {
	return scalars(v, func(v any) any {
		k.secrets.AddAll(v)
		text := strings.TrimSpace(object.ScalarText(v))
		if mask.IsShort(text) {
			k.mu.Lock()
			k.short[text] = true
			k.mu.Unlock()
		}
		if k.variant != OtherValues && k.variant != OtherDeclared {
			return v
		}
		v = mask.Other(v)
		k.secrets.AddAll(v)
		return v
	})
}

// declare notes that the project says of a source where secrets are kept that its value is none.
func (k *kept) declare(origin string, v any) any {
	k.mu.Lock()
	k.declared[origin] = true
	k.mu.Unlock()
	return scalars(v, func(v any) any {
		k.values.AddAll(v)
		if k.variant != OtherDeclared {
			return v
		}
		v = mask.Other(v)
		k.values.AddAll(v)
		return v
	})
}

// scalars returns a copy of a decoded value in which f has replaced each scalar.
func scalars(v any, f func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = scalars(e, f)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = scalars(e, f)
		}
		return out
	case nil:
		return nil
	}
	return f(v)
}

// decrypt returns the plain text of a file that may be encrypted, and whether it was.
func (k *kept) decrypt(ctx context.Context, f sops.File) (plain []byte, encrypted bool, err error) {
	salt, replace := "", sops.Replace(nil)
	switch k.variant {
	case OtherPlaceholders:
		salt = "other"
	case OtherValues, OtherDeclared:
		replace = k.hide
	}
	p, err := k.sops.Decrypt(ctx, f, salt, replace)
	if err != nil || p == nil {
		return f.Data, false, err
	}
	for _, s := range p.Secrets {
		k.hide(s)
	}
	if p.Missing != nil {
		k.mu.Lock()
		k.missing[f.Name] = p.Missing.Error()
		k.mu.Unlock()
	}
	return p.Data, true, nil
}

// Decrypt returns the plain text of a file of an item that SOPS encrypted; others come back as they are. Data is the
// text of the file after templates were rendered. Without a key there are placeholders: see [Deployment.Undecrypted].
func (d *Deployment) Decrypt(ctx context.Context, source *Source, name string, data []byte) ([]byte, error) {
	if !sops.IsCandidate(name, data) {
		return data, nil
	}
	committed, err := source.Read(name)
	if err != nil {
		return nil, err
	}
	plain, _, err := d.kept.decrypt(ctx, sops.File{Name: source.Display(name), Data: data, Committed: committed})
	return plain, err
}

// Undecrypted says of each file for which there is no key why, sorted. While it is not empty, placeholders stand in the
// place of secret values.
func (d *Deployment) Undecrypted() []string {
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	return slices.Sorted(maps.Values(d.kept.missing))
}

// ShortSecrets are the secret values that are too short to be found by their content, sorted.
func (d *Deployment) ShortSecrets() []string {
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	return slices.Sorted(maps.Keys(d.kept.short))
}

// Conceal makes secrets of the values of a Secret that was read from the cluster, and returns what templates see in its place.
func (d *Deployment) Conceal(o object.Object) object.Object {
	values := o.Map("data")
	if len(values) == 0 {
		return o
	}
	out := o.Clone()
	for key, v := range values {
		text, _ := v.(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil { // no server gives that
			out.Map("data")[key] = d.kept.hide(v)
			continue
		}
		seen, _ := d.kept.hide(string(raw)).(string)
		out.Map("data")[key] = base64.StdEncoding.EncodeToString([]byte(seen))
	}
	return out
}

// Declared are the sources where secrets are kept of which the project declares, by `sensitive: false`, that they give
// none, sorted; and what they gave.
func (d *Deployment) Declared() ([]string, *mask.Set) {
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	return slices.Sorted(maps.Keys(d.kept.declared)), d.kept.values
}

// Vary resolves the target once more, with other values in the place of secret ones. What lies outside of the project
// is not asked again.
func (d *Deployment) Vary(ctx context.Context, v Variant) (*Deployment, error) {
	return d.again(ctx, v)
}

// Resolve reads the deployment files with t's variables and returns the items in order. Mistakes in several files are
// reported together, without secret values. The cluster is t's, for variables that are loaded from it; with nil that is
// an error.
func (p *Project) Resolve(ctx context.Context, t Target, c Cluster) (*Deployment, error) {
	if c != nil {
		t.Context = cmp.Or(c.Context(), t.Context)
	}
	a := p.ask(t, c)
	d, err := p.resolve(ctx, t, a, Actual)
	if err != nil {
		return nil, err
	}
	d.again = func(ctx context.Context, v Variant) (*Deployment, error) { return p.resolve(ctx, t, a, v) }
	return d, nil
}

func (p *Project) resolve(ctx context.Context, t Target, a asked, v Variant) (*Deployment, error) {
	k := keep(a.decrypter, v)
	r := &resolver{project: p, asked: a, kept: k}
	d, err := r.resolve(ctx, t)
	if err != nil {
		return nil, k.secrets.Error(err)
	}
	d.Secrets, d.kept = k.secrets, k
	return d, nil
}

// plain returns the plain text of a rendered file of variables, and whether it was encrypted.
func (k *kept) plain(ctx context.Context, f rendered) ([]byte, bool, error) {
	return k.decrypt(ctx, sops.File{Name: f.name, Data: f.text, Committed: f.template})
}
