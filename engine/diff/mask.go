package diff

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// Hidden stands where a secret value was.
const Hidden = "(hidden)"

// longEnough is the length, in bytes, from which a secret value is masked wherever it stands in a text; shorter ones
// would tear holes into words, and are masked where they are quoted.
const longEnough = 6

// A masker knows the secret values of a run and takes them out of what is shown.
type masker struct {
	mu     sync.Mutex
	values map[string]bool
	// texts are the replacements, the longest value first; nil when values has grown since.
	texts *strings.Replacer
}

func newMasker(m *render.Manifests) *masker {
	k := &masker{values: map[string]bool{}}
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
	k.mu.Lock()
	defer k.mu.Unlock()
	k.texts = nil
	for _, f := range secretMaps {
		k.learnValue(o[f], f == "data")
	}
}

// learnValue remembers all scalars of a value. What is no text is no valid secret, but as secret as one.
func (k *masker) learnValue(v any, encoded bool) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for _, e := range v {
			k.learnValue(e, encoded)
		}
	case []any:
		for _, e := range v {
			k.learnValue(e, encoded)
		}
	default:
		s := object.ScalarText(v)
		if s == "" {
			return
		}
		k.values[s] = true
		if raw, err := base64.StdEncoding.DecodeString(s); encoded && err == nil && len(raw) > 0 {
			k.values[string(raw)] = true
		} else if !encoded {
			k.values[base64.StdEncoding.EncodeToString([]byte(s))] = true
		}
	}
}

// text takes secret values out of a text: an API server's error may quote them.
func (k *masker) text(s string) string {
	k.mu.Lock()
	if k.texts == nil {
		k.texts = replacer(k.values)
	}
	r := k.texts
	k.mu.Unlock()
	return r.Replace(s)
}

func replacer(values map[string]bool) *strings.Replacer {
	var sorted []string
	for v := range values {
		sorted = append(sorted, v)
	}
	slices.SortFunc(sorted, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, v := range sorted {
		quoted, _ := json.Marshal(v)
		if len(v) >= longEnough {
			pairs = append(pairs, string(quoted), `"`+Hidden+`"`, strings.Trim(string(quoted), `"`), Hidden, v, Hidden)
		} else {
			pairs = append(pairs, string(quoted), `"`+Hidden+`"`, "'"+v+"'", "'"+Hidden+"'")
		}
	}
	return strings.NewReplacer(pairs...)
}

// changeSet masks everything in set that may be shown.
func (k *masker) changeSet(set *ChangeSet) {
	for i, w := range set.Warnings {
		set.Warnings[i] = k.text(w)
	}
	for c := range set.All() {
		if c.Err != nil {
			c.Err = k.err(c.Err)
		}
		for i, w := range c.Warnings {
			c.Warnings[i] = k.text(w)
		}
		c.Reason = k.text(c.Reason)
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

// err masks an error's text. An error that holds a secret loses its type with it; callers of a change set only print.
func (k *masker) err(err error) error {
	if masked := k.text(err.Error()); masked != err.Error() {
		return errors.New(masked)
	}
	return err
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
			errs = append(errs, fmt.Errorf("%s: %s: found a %s, expected a map of texts", ref, f, kindOf(v)))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			switch m[key].(type) {
			case string, nil:
			default:
				errs = append(errs, fmt.Errorf("%s: %s.%s: found a %s, expected text: put it in quotes", ref, f, key, kindOf(m[key])))
			}
		}
	}
	return errors.Join(errs...)
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "map"
	case []any:
		return "list"
	case bool:
		return "boolean"
	case string:
		return "text"
	}
	return "number"
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
