package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

// A targeted patch says by a selector which objects it is for. Kustomize is silent when the selector selects none, and
// what the patch was there for is lost.
type targeted struct {
	file  string // the kustomization
	field string // patches, patchesJson6902 or transformers
	index int    // in the field; of transformers, in the list of their configurations
	patch types.Patch

	config configuration // of one of transformers
}

func (c *checker) targets(file, field string, patches []types.Patch) {
	for i, p := range patches {
		if p.Target != nil && !c.inPlugin {
			c.targeted = append(c.targeted, targeted{file: file, field: field, index: i, patch: p})
		}
	}
}

// matchField is the key that [checker.marking] puts into what a patch selects.
func matchField(i int) string { return fmt.Sprintf("weighlock.io-matched-%d", i) }

// marking edits a kustomization so that each patch with a target comes after one that leaves a key in all that the
// target selects. It is a key beside the others, where no patch of an author looks.
func (c *checker) marking(file string, k map[string]any) {
	c.inline(file, k)
	for i := len(c.targeted) - 1; i >= 0; i-- { // from the back, so that the positions before stay
		if t := c.targeted[i]; t.file == file {
			c.before(t, k, []any{map[string]any{"op": "add", "path": "/" + matchField(i), "value": true}})
		}
	}
}

// before puts a JSON patch with the same target before t.
func (c *checker) before(t targeted, k map[string]any, operations []any) {
	key := keyOf(k, t.field)
	list, _ := k[key].([]any)
	if t.index >= len(list) {
		return
	}
	text, err := json.Marshal(operations)
	if err != nil {
		return
	}
	var entry any
	if t.field == transformersField {
		entry, err = inlined(map[string]any{
			"apiVersion": "builtin", "kind": "PatchTransformer", "metadata": map[string]any{"name": fmt.Sprintf("weighlock.io-%d", t.index)},
			"target": t.config.object[keyOf(t.config.object, "target")], "patch": string(text),
		})
		if err != nil {
			return
		}
	} else {
		patch, _ := list[t.index].(map[string]any)
		entry = map[string]any{"target": patch[keyOf(patch, "target")], "patch": string(text)}
	}
	k[key] = slices.Insert(list, t.index, entry)
}

// unmatched are errors for the patches that reach nothing. The objects of a build whose kustomizations were edited by
// marking say which do; an object that is deleted or replaced on the way says nothing, so what is left is asked for one
// by one.
func (c *checker) unmatched(dir string, marked, built resmap.ResMap) error {
	var errs []error
	for i, t := range c.targeted {
		if marked != nil && hasField(marked, matchField(i)) || c.selects(dir, t) {
			continue
		}
		errs = append(errs, c.noMatch(t, built))
	}
	return errors.Join(errs...)
}

func hasField(m resmap.ResMap, name string) bool {
	return slices.ContainsFunc(m.ToRNodeSlice(), func(n *node) bool { return n.Field(name) != nil })
}

// selects says whether the target of a patch selects anything when it is that patch's turn: a patch that always fails
// then fails.
func (c *checker) selects(dir string, t targeted) bool {
	const never = "weighlock.io-never"
	_, err := c.run(edited{c.fsys, func(file string, k map[string]any) bool {
		if file == t.file {
			if t.field == transformersField {
				c.inline(file, k)
			}
			c.before(t, k, []any{map[string]any{"op": "test", "path": "/" + never, "value": true}})
		}
		return file == t.file
	}}, dir)
	return err != nil && strings.Contains(err.Error(), never)
}

func (c *checker) noMatch(t targeted, built resmap.ResMap) error {
	what := fmt.Sprintf("%s[%d]", t.field, t.index)
	if t.patch.Path != "" {
		what += " (" + t.patch.Path + ")"
	}
	at := c.place(t.file, t.field, t.index)
	if t.field == transformersField {
		at, what = c.display(t.config.file), fmt.Sprintf("%s %s", t.config.object["kind"], t.config.name())
	}
	return fmt.Errorf("%s: %s: no object matches the target %s, so the patch would do nothing%s: correct the target, or delete the patch", at, what, selector(t.patch.Target), likely(t.patch.Target, built))
}

// selector prints what a target asks for.
func selector(s *types.Selector) string {
	var parts []string
	for _, p := range [][2]string{
		{"group", s.Group}, {"version", s.Version}, {"kind", s.Kind}, {"name", s.Name}, {"namespace", s.Namespace},
		{"labelSelector", s.LabelSelector}, {"annotationSelector", s.AnnotationSelector},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	return strings.Join(parts, " ")
}

// likely names objects that the author may have meant: those of the target's kind, else those of its name.
func likely(s *types.Selector, built resmap.ResMap) string {
	var kind, name []string
	for _, r := range built.Resources() {
		text := r.GetKind() + "/" + r.GetName()
		if strings.EqualFold(r.GetKind(), s.Kind) {
			kind = append(kind, text)
		} else if s.Name != "" && (r.GetName() == s.Name || r.OrgId().Name == s.Name) {
			name = append(name, text)
		}
	}
	if len(kind) == 0 {
		kind = name
	}
	if len(kind) == 0 {
		return ""
	}
	const most = 3
	if len(kind) > most {
		kind = append(kind[:most], "…")
	}
	return " (there is " + strings.Join(kind, ", ") + ")"
}
