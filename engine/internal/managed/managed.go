// Package managed reads metadata.managedFields: who owns which field of an object.
//
// The API server keeps, for each field manager, the fields that it set as a tree (FieldsV1): f:name is a map's key,
// k:{…} an element of a list by its merge keys, v:… an element of a set, i:n one by position, and "." the node itself.
// The tree of an object that has been applied thus tells, without a schema, how each of its lists is merged.
package managed

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// An Entry is what one manager owns of an object.
type Entry struct {
	Manager string
	// Operation is Apply or Update.
	Operation, Subresource string
	// APIVersion is the version in which the fields are named.
	APIVersion string
	// Since is when the manager last changed its fields, in RFC 3339, or "".
	Since  string
	Fields Tree
}

// Apply is the operation of a server-side apply.
const Apply = "Apply"

// Entries returns the entries of an object's managedFields.
func Entries(o object.Object) []Entry {
	list, _ := o.Map("metadata")["managedFields"].([]any)
	var out []Entry
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		entry := object.Object(m)
		out = append(out, Entry{
			Manager: entry.Text("manager"), Operation: entry.Text("operation"), Subresource: entry.Text("subresource"),
			APIVersion: entry.Text("apiVersion"), Since: entry.Text("time"), Fields: Tree(entry.Map("fieldsV1")),
		})
	}
	return out
}

// A Tree is a set of fields in the form of FieldsV1.
type Tree map[string]any

// self is the key by which a node with children is itself a member.
const self = "."

// Child returns the node below a key.
func (t Tree) Child(key string) (Tree, bool) {
	m, ok := t[key].(map[string]any)
	return m, ok
}

// leaf says whether the node is owned whole, whatever is below it.
func (t Tree) leaf() bool { return len(t) == 0 }

// A Path is the keys of a tree that lead to a field.
type Path []string

// Members yields the paths of all fields that are in the set themselves, sorted.
func (t Tree) Members() iter.Seq[Path] {
	return func(yield func(Path) bool) { t.members(nil, yield) }
}

func (t Tree) members(at Path, yield func(Path) bool) bool {
	if _, ok := t[self]; (ok || t.leaf()) && len(at) > 0 && !yield(slices.Clone(at)) {
		return false
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if child, ok := t.Child(key); ok && key != self && !child.members(append(at, key), yield) {
			return false
		}
	}
	return true
}

// String prints the path as the API server does in a conflict: .spec.containers[name="app"].image.
func (p Path) String() string {
	var b strings.Builder
	for _, key := range p {
		kind, rest, _ := strings.Cut(key, ":")
		switch kind {
		case "f":
			b.WriteString("." + rest)
		case "k":
			var parts []string
			fields := keyFields(rest)
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				parts = append(parts, name+"="+quoted(fields[name]))
			}
			b.WriteString("[" + strings.Join(parts, ",") + "]")
		case "v":
			b.WriteString("[=" + quoted(decode(rest)) + "]")
		default:
			b.WriteString("[" + rest + "]")
		}
	}
	return b.String()
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return object.ScalarText(v)
}

func decode(text string) any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return object.Normalize(v)
}

func keyFields(text string) map[string]any {
	m, _ := decode(text).(map[string]any)
	return m
}

// In returns where the path leads in a value, and what is there.
func (p Path) In(v any) (object.Path, any, bool) {
	var at object.Path
	for _, key := range p {
		child, i, ok := step(v, key)
		if !ok {
			return nil, nil, false
		}
		if i < 0 {
			at = at.Field(strings.TrimPrefix(key, "f:"))
		} else {
			at = at.In(v.([]any), i)
		}
		v = child
	}
	return at, v, true
}

// step goes one key down. The index is that of a list's element, else -1.
func step(v any, key string) (child any, index int, ok bool) {
	kind, rest, _ := strings.Cut(key, ":")
	switch v := v.(type) {
	case map[string]any:
		child, ok = v[rest]
		return child, -1, ok && kind == "f"
	case []any:
		i := indexOf(v, kind, rest)
		if i < 0 {
			return nil, 0, false
		}
		return v[i], i, true
	}
	return nil, -1, false
}

func indexOf(list []any, kind, rest string) int {
	switch kind {
	case "k":
		fields := keyFields(rest)
		if i := slices.IndexFunc(list, func(e any) bool { return hasFields(e, fields) }); i >= 0 {
			return i
		}
		return onlyLike(list, fields)
	case "v":
		want := decode(rest)
		return slices.IndexFunc(list, func(e any) bool { return object.Equal(e, want) })
	case "i":
		if i, err := strconv.Atoi(rest); err == nil && i < len(list) {
			return i
		}
	}
	return -1
}

// onlyLike finds the one element that has some of the key's fields and none with another value: in an object as people write
// it, fields of the key that the server completes are not there. It is -1 where there is no such element, or several.
func onlyLike(list []any, fields map[string]any) int {
	found := -1
	for i, e := range list {
		m, ok := e.(map[string]any)
		same := 0
		for name, want := range fields {
			if got, has := m[name]; has && object.Equal(got, want) {
				same++
			} else if has {
				ok = false
			}
		}
		switch {
		case !ok || same == 0 || same == len(fields):
		case found >= 0:
			return -1
		default:
			found = i
		}
	}
	return found
}

func hasFields(e any, fields map[string]any) bool {
	m, ok := e.(map[string]any)
	if !ok {
		return false
	}
	for name, want := range fields {
		if got, ok := m[name]; !ok || !object.Equal(got, want) {
			return false
		}
	}
	return true
}

// Has says whether the set has the field at a path of v, an ancestor that is owned whole, or something below it.
func (t Tree) Has(v any, p object.Path) bool {
	for _, s := range p {
		if t.leaf() {
			return true
		}
		var key string
		if !s.List {
			key = "f:" + s.Field
			m, _ := v.(map[string]any)
			v = m[s.Field]
		} else if v, key = t.element(v, s); key == "" {
			return false
		}
		var ok bool
		if t, ok = t.Child(key); !ok {
			return false
		}
	}
	return true
}

// element returns the list element that a step names, and the tree's key for it.
func (t Tree) element(v any, s object.Step) (any, string) {
	list, _ := v.([]any)
	i := s.Position(list)
	if i < 0 {
		return nil, ""
	}
	for key := range t {
		if kind, rest, _ := strings.Cut(key, ":"); key != self && indexOf(list[i:i+1], kind, rest) == 0 && kind != "i" {
			return list[i], key
		}
	}
	if _, ok := t["i:"+strconv.Itoa(i)]; ok {
		return list[i], "i:" + strconv.Itoa(i)
	}
	return list[i], ""
}

// Union returns the fields of both sets.
func Union(sets ...Tree) Tree {
	out := Tree{}
	for _, t := range sets {
		for key, v := range t {
			child, _ := v.(map[string]any)
			if have, ok := out.Child(key); ok {
				out[key] = map[string]any(union2(have, child))
			} else {
				out[key] = object.CloneValue(child)
			}
		}
	}
	return out
}

// union2 joins two nodes that are both there: one that is owned whole stays a member beside the other's children.
func union2(a, b Tree) Tree {
	if a.leaf() && b.leaf() {
		return Tree{}
	}
	out := Union(a, b)
	if a.leaf() || b.leaf() {
		out[self] = map[string]any{}
	}
	return out
}

// Without returns t without a path and what is below it.
func (t Tree) Without(p Path) Tree {
	out := Tree(object.CloneValue(map[string]any(t)).(map[string]any))
	out.remove(p)
	return out
}

func (t Tree) remove(p Path) {
	if len(p) == 1 {
		delete(t, p[0])
		return
	}
	child, ok := t.Child(p[0])
	if !ok || child.leaf() {
		return
	}
	if child.remove(p[1:]); child.leaf() {
		delete(t, p[0])
	}
}

// TreeOf returns the set of one path.
func TreeOf(p Path) Tree {
	out := Tree{}
	at := out
	for _, key := range p {
		child := map[string]any{}
		at[key] = child
		at = child
	}
	return out
}
