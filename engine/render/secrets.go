package render

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// NoKey values could not be decrypted: nobody knows them, and a placeholder stands in their place. The live value stays in
// a comparison; an object that has such a field must not be written.
const NoKey Cause = "no key"

// trace finds where values get to that nobody may see and that cannot be found by their content: what depends on them
// differs in a second render, which has others in their place.
func (r *renderer) trace(ctx context.Context, d *project.Deployment, m *Manifests) error {
	if reasons := d.Undecrypted(); len(reasons) > 0 {
		if err := r.traceMissing(ctx, d, m, reasons); err != nil {
			return err
		}
	}
	if d.Secrets.Len() > 0 {
		if err := r.traceValues(ctx, d, m); err != nil {
			return err
		}
	}
	m.Declared.Sources, m.Declared.Values = d.Declared()
	if len(m.Declared.Sources) == 0 {
		return nil
	}
	found, err := r.vary(ctx, d, m, project.OtherDeclared)
	if ctx.Err() != nil {
		return err
	}
	m.each(func(i int, o *Manifest) {
		if found == nil || found[i].opaque {
			o.Declared = []object.Path{{}}
		} else {
			o.Declared = found[i].paths
		}
	})
	return nil
}

// traceValues marks what depends on secret values.
func (r *renderer) traceValues(ctx context.Context, d *project.Deployment, m *Manifests) error {
	found, err := r.vary(ctx, d, m, project.OtherValues)
	if ctx.Err() != nil {
		return err
	}
	unknown := err != nil
	m.each(func(i int, o *Manifest) {
		o.Opaque = err != nil || found[i].opaque
		if !o.Opaque {
			o.Hidden = found[i].paths
		}
		unknown = unknown || o.Opaque
	})
	short := d.ShortSecrets()
	if !unknown || len(short) == 0 {
		return nil
	}
	// What depends on a short value is not known. Whatever may hold it is hidden.
	m.Warnings = append(m.Warnings, "short secret values decide what is rendered, so fields are hidden wherever one of them stands as a word: give such secrets six characters or more")
	words := &mask.Set{}
	for _, s := range short {
		words.Add(s)
	}
	with := leavesWith(m, words)
	m.each(func(i int, o *Manifest) {
		if o.Opaque {
			o.Hidden = with[i]
		}
	})
	return nil
}

// traceMissing marks what depends on values that could not be decrypted.
func (r *renderer) traceMissing(ctx context.Context, d *project.Deployment, m *Manifests, reasons []string) error {
	found, err := r.vary(ctx, d, m, project.OtherPlaceholders)
	if ctx.Err() != nil {
		return err
	}
	if err != nil || slices.ContainsFunc(found, func(f dependence) bool { return f.opaque }) {
		return fmt.Errorf("what is rendered depends on values that cannot be decrypted, so nothing is known of it: %s", strings.Join(reasons, "; "))
	}
	why := strings.Join(reasons, "; ")
	m.each(func(i int, o *Manifest) {
		for _, path := range found[i].paths {
			if !slices.ContainsFunc(o.Unsettled, func(u Unsettled) bool { return path.HasPrefix(u.Path) }) {
				o.Unsettled = append(o.Unsettled, Unsettled{Path: path, Cause: NoKey, Why: why})
			}
		}
	})
	for _, reason := range reasons {
		m.Warnings = append(m.Warnings, "not compared: "+reason)
	}
	return nil
}

// learnLiterals adds the values of Secrets, and of their generators, that stand in the rendered files: an error of kustomize
// may quote them. Files that cannot be read have been reported without their content.
func learnLiterals(works []*work, secrets *mask.Set) {
	for _, w := range works {
		files := w.around.with(w.files)
		for name, data := range files {
			if !bytes.Contains(data, []byte("ecret")) {
				continue
			}
			docs, _ := yamldoc.Values(name, data)
			for _, d := range docs {
				if m, ok := d.Value.(map[string]any); ok {
					learn(files, path.Dir(name), m, secrets)
				}
			}
		}
	}
}

func learn(files map[string][]byte, dir string, doc map[string]any, secrets *mask.Set) {
	if doc["kind"] == "Secret" {
		LearnSecret(doc, secrets)
	}
	generators, _ := doc["secretGenerator"].([]any)
	for _, g := range generators {
		g, _ := g.(map[string]any)
		for _, l := range texts(g["literals"]) {
			_, value, _ := strings.Cut(l, "=")
			secrets.Add(strings.Trim(value, `"'`))
		}
		for _, f := range append(texts(g["files"]), append(texts(g["envs"]), texts([]any{g["env"]})...)...) {
			if _, file, ok := strings.Cut(f, "="); ok {
				f = file
			}
			secrets.Add(string(files[path.Join(dir, f)])) // its lines, too
			for line := range strings.Lines(string(files[path.Join(dir, f)])) {
				if _, value, ok := strings.Cut(line, "="); ok {
					secrets.Add(value)
				}
			}
		}
	}
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// LearnSecret adds the values of a Secret.
func LearnSecret(o map[string]any, secrets *mask.Set) {
	secrets.AddAll(o["data"])
	secrets.AddAll(o["stringData"])
	// What is no text is no valid Secret, but as secret as one; what is no base64 stays as it is written.
	data, _ := o["data"].(map[string]any)
	for _, v := range data {
		if s, ok := v.(string); ok {
			if raw, err := base64.StdEncoding.DecodeString(s); err == nil {
				secrets.Add(string(raw))
			}
		}
	}
}

// each calls f for every manifest, with its number.
func (m *Manifests) each(f func(i int, o *Manifest)) {
	n := 0
	for s := range m.Stages {
		for i := range m.Stages[s].Items {
			for o := range m.Stages[s].Items[i].Objects {
				f(n, &m.Stages[s].Items[i].Objects[o])
				n++
			}
		}
	}
}

// A dependence says which fields of an object differ between two renders; opaque: the object as such does, or is not there.
type dependence struct {
	paths  []object.Path
	opaque bool
}

// vary renders d with other values and returns where each of m's objects differs, but for what masking by content hides.
func (r *renderer) vary(ctx context.Context, d *project.Deployment, m *Manifests, v project.Variant) ([]dependence, error) {
	again, err := d.Vary(ctx, v)
	if err != nil {
		return nil, err
	}
	n, err := r.render(ctx, again)
	if err != nil {
		return nil, err
	}
	// Names and namespaces may be made of what is another value now.
	pairs, _ := pair(slices.Collect(m.All()), slices.Collect(n.All()), func(id object.ID) object.ID {
		return object.ID{Group: id.Group, Kind: id.Kind}
	})
	found := make([]dependence, len(pairs))
	m.each(func(i int, o *Manifest) {
		if pairs[i].Object == nil {
			found[i].opaque = true
			return
		}
		found[i] = depends(*o, pairs[i], masking{m.Secrets, n.Secrets})
	})
	return found, nil
}

// masking are the secrets of two renders.
type masking [2]*mask.Set

// explains says whether two values are the same but for what each of them is known to hold of the secrets.
func (k masking) explains(a, b any, by func(*mask.Set, string) string) bool {
	a, _ = mask.Value(a, func(s string) string { return by(k[0], s) })
	b, _ = mask.Value(b, func(s string) string { return by(k[1], s) })
	return object.Equal(a, b)
}

// depends compares an object with the one of another render. Its names may differ by the words that they are made of; those
// that each render makes anew do not count.
func depends(m, other Manifest, known masking) dependence {
	a, b := m.Object.Ref(), other.Object.Ref()
	name := object.Path{}.Field("metadata").Field("name")
	if slices.ContainsFunc(m.Unsettled, func(u Unsettled) bool { return u.Path.Equal(name) }) {
		a.Name, b.Name = "", ""
	}
	if !known.explains(a.Name, b.Name, (*mask.Set).Words) || !known.explains(a.Namespace, b.Namespace, (*mask.Set).Words) {
		return dependence{opaque: true}
	}
	var found dependence
	for _, p := range volatilePaths(nil, map[string]any(m.Object), map[string]any(other.Object)) {
		if len(p) == 0 || len(p) == 1 && p[0].Field == "metadata" {
			return dependence{opaque: true} // what the object is made of, and not a value in it
		}
		was, _ := p.Lookup(map[string]any(m.Object))
		is, _ := p.Lookup(map[string]any(other.Object))
		if !known.explains(was, is, (*mask.Set).Text) {
			found.paths = append(found.paths, p)
		}
	}
	slices.SortFunc(found.paths, func(a, b object.Path) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// leavesWith are the leaves of each object that hold one of the words.
func leavesWith(m *Manifests, words *mask.Set) [][]object.Path {
	var found [][]object.Path
	for o := range m.All() {
		var paths []object.Path
		var walk func(path object.Path, v any)
		walk = func(path object.Path, v any) {
			switch v := v.(type) {
			case nil:
			case map[string]any:
				for _, key := range slices.Sorted(maps.Keys(v)) {
					walk(path.Field(key), v[key])
				}
			case []any:
				named := namesEach(v)
				for i, e := range v {
					if named {
						walk(path.Element("name", nameOf(e), i), e)
					} else {
						walk(path.Index(i), e)
					}
				}
			default:
				if text := object.ScalarText(v); words.Words(text) != text {
					paths = append(paths, path)
				}
			}
		}
		walk(nil, map[string]any(o.Object))
		found = append(found, paths)
	}
	return found
}
