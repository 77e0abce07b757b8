package render

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
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
	short := d.ShortSecrets()
	if len(short) == 0 {
		return nil
	}
	found, err := r.vary(ctx, d, m, project.OtherShort)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		// What depends on a short value is not known. Whatever may hold it is hidden.
		m.Warnings = append(m.Warnings, "short secret values decide what is rendered, so fields are hidden wherever one of them stands as a word: give such secrets six characters or more")
		words := &mask.Set{}
		for _, s := range short {
			words.Add(s)
		}
		found = leavesWith(m, words)
	}
	m.each(func(i int, o *Manifest) { o.Hidden = found[i] })
	return nil
}

// traceMissing marks what depends on values that could not be decrypted.
func (r *renderer) traceMissing(ctx context.Context, d *project.Deployment, m *Manifests, reasons []string) error {
	found, err := r.vary(ctx, d, m, project.OtherPlaceholders)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("what is rendered depends on values that cannot be decrypted, so nothing is known of it: %s", strings.Join(reasons, "; "))
	}
	why := strings.Join(reasons, "; ")
	m.each(func(i int, o *Manifest) {
		for _, path := range found[i] {
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
		for name, data := range w.files {
			if !bytes.Contains(data, []byte("ecret")) {
				continue
			}
			docs, _ := yamldoc.Values(name, data)
			for _, d := range docs {
				if m, ok := d.Value.(map[string]any); ok {
					w.learn(path.Dir(name), m, secrets)
				}
			}
		}
	}
}

func (w *work) learn(dir string, doc map[string]any, secrets *mask.Set) {
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
			secrets.Add(string(w.files[path.Join(dir, f)])) // its lines, too
			for line := range strings.Lines(string(w.files[path.Join(dir, f)])) {
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

var errOtherObjects = errors.New("other objects are rendered")

// vary renders d with other values and returns where each of m's objects differs.
func (r *renderer) vary(ctx context.Context, d *project.Deployment, m *Manifests, v project.Variant) ([][]object.Path, error) {
	again, err := d.Vary(ctx, v)
	if err != nil {
		return nil, err
	}
	n, err := r.render(ctx, again)
	if err != nil {
		return nil, err
	}
	if m.Len() != n.Len() {
		return nil, errOtherObjects
	}
	var others []object.Object
	for o := range n.All() {
		others = append(others, o.Object)
	}
	var found [][]object.Path
	for o := range m.All() {
		other := others[len(found)]
		if !sameRef(o, other) {
			return nil, errOtherObjects
		}
		paths := volatilePaths(nil, map[string]any(o.Object), map[string]any(other))
		slices.SortFunc(paths, func(a, b object.Path) int { return strings.Compare(a.String(), b.String()) })
		for _, p := range paths {
			if len(p) == 0 || len(p) == 1 && p[0].Field == "metadata" {
				return nil, errOtherObjects // what the object is made of, and not a value in it
			}
		}
		found = append(found, paths)
	}
	return found, nil
}

// sameRef says whether two renders made the same object. Names that each render makes anew do not count.
func sameRef(m Manifest, other object.Object) bool {
	a, b := m.Object.Ref(), other.Ref()
	name := object.Path{}.Field("metadata").Field("name")
	if slices.ContainsFunc(m.Unsettled, func(u Unsettled) bool { return u.Path.Equal(name) }) {
		a.Name, b.Name = "", ""
	}
	return a == b
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
