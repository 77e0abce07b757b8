package managed

import "strings"

// unowned are the fields that each apply must name and that no manager owns.
var unowned = map[string]map[string]bool{
	"":         {"apiVersion": true, "kind": true},
	"metadata": {"name": true, "namespace": true},
}

// Same says whether an apply of desired, by the manager that owns the given fields of live, provably changes nothing: it
// names just those fields, each with the value that it has. In doubt it does not say so.
//
// It needs no schema. The tree is how the server understood what was applied last, and desired is understood likewise when
// it has the same fields: a field more or less, an element more, less or elsewhere in its list is another tree.
func Same(desired, live map[string]any, owned Tree) bool {
	if len(owned) == 0 {
		return false
	}
	return sameMap(desired, live, owned, "")
}

func sameMap(desired, live map[string]any, owned Tree, at string) bool {
	members := 0
	for name, want := range desired {
		if at == "" && name == "metadata" && !sameMetadata(desired, live, owned) {
			return false
		}
		if unowned[at][name] || at == "" && name == "metadata" {
			if _, has := owned.Child("f:" + name); has {
				members++
			}
			continue
		}
		sub, ok := owned.Child("f:" + name)
		is, there := live[name]
		if !ok || !there || !same(want, is, sub, below(at, name)) {
			return false
		}
		members++
	}
	return members == owned.size()
}

// below is the place of a field, as far as it matters.
func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// sameMetadata compares the metadata, whose tree there is only if something in it is owned.
func sameMetadata(desired, live map[string]any, owned Tree) bool {
	want, ok := desired["metadata"].(map[string]any)
	is, there := live["metadata"].(map[string]any)
	sub, _ := owned.Child("f:metadata")
	return ok && there && sameMap(want, is, sub, "metadata")
}

func same(want, is any, owned Tree, at string) bool {
	if owned.leaf() {
		return strictlyEqual(want, is)
	}
	switch want := want.(type) {
	case map[string]any:
		is, ok := is.(map[string]any)
		return ok && sameMap(want, is, owned, at)
	case []any:
		is, ok := is.([]any)
		return ok && sameList(want, is, owned, at)
	}
	return false
}

// sameList compares a list whose elements have keys or are values of a set. They must stand in the same order.
func sameList(want, is []any, owned Tree, at string) bool {
	if len(want) != owned.size() {
		return false
	}
	keys := owned.elementKeys()
	last := -1
	for _, element := range want {
		n := onlyKey(keys, element)
		if n < 0 || keys[n].used {
			return false
		}
		key := &keys[n]
		key.used = true
		there := -1
		for i, e := range is {
			if key.has(e) {
				if there >= 0 {
					return false // twice
				}
				there = i
			}
		}
		if there <= last {
			return false
		}
		last = there
		if key.fields != nil && !sameElement(element, is[there], key.owned, at) {
			return false
		}
	}
	return true
}

// elementKey is how a set names an element of a list: by the fields of its key, or by its value.
type elementKey struct {
	fields map[string]any
	value  any
	owned  Tree
	used   bool
}

func (k *elementKey) has(element any) bool {
	if k.fields != nil {
		return hasFields(element, k.fields)
	}
	return strictlyEqual(element, k.value)
}

func (t Tree) elementKeys() []elementKey {
	out := make([]elementKey, 0, len(t))
	for key := range t {
		sub, _ := t.Child(key)
		switch kind, rest, _ := strings.Cut(key, ":"); kind {
		case "k":
			if fields := keyFields(rest); fields != nil {
				out = append(out, elementKey{fields: fields, owned: sub})
			}
		case "v":
			out = append(out, elementKey{value: decode(rest)})
		}
	}
	return out
}

// sameElement compares an element of a list with keys.
func sameElement(want, is any, owned Tree, at string) bool {
	w, ok := want.(map[string]any)
	i, there := is.(map[string]any)
	return ok && there && sameMap(w, i, owned, below(at, "[]"))
}

// onlyKey is the key by which a set has an element, whose fields of the key must all be there; -1 if it does not have it, or
// not for sure.
func onlyKey(keys []elementKey, element any) int {
	found := -1
	for i := range keys {
		if keys[i].has(element) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// size is how many nodes are below.
func (t Tree) size() int {
	if _, ok := t[self]; ok {
		return len(t) - 1
	}
	return len(t)
}

// strictlyEqual is equality that holds for the server, too: it keeps 1 and 1.0 apart in places, and what is empty from what
// is not there.
func strictlyEqual(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !strictlyEqual(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !strictlyEqual(a[i], b[i]) {
				return false
			}
		}
		return true
	case nil:
		return false // an apply takes null for absent
	}
	return a == b
}
