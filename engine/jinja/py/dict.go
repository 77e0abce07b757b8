package py

import "strings"

// Dict is Python's dict: it remembers insertion order, and any hashable value
// is a key. The zero Dict is empty and ready to use.
type Dict struct {
	entries []Entry
	index   map[any]int    // built when there are more than smallDict entries
	src     map[string]any // Go data not converted yet; nil once loaded
}

// Entry is one key and its value.
type Entry struct{ Key, Value Value }

// smallDict is the size up to which a scan beats a map.
const smallDict = 8

// NewDict returns an empty dict with room for n entries.
func NewDict(n int) *Dict { return &Dict{entries: make([]Entry, 0, n)} }

// Entries returns the entries in order. The slice is the dict's own and must
// not be changed.
func (d *Dict) Entries() []Entry {
	if d.src != nil {
		d.load()
	}
	return d.entries
}

// Len returns the number of entries.
func (d *Dict) Len() int { return len(d.Entries()) }

// GetString returns the value of a str key.
func (d *Dict) GetString(key string) (Value, bool) {
	if i := d.findString(key); i >= 0 {
		return d.entries[i].Value, true
	}
	return nil, false
}

func (d *Dict) findString(key string) int {
	if d.src != nil {
		d.load()
	}
	if len(d.entries) <= smallDict {
		for i := range d.entries {
			switch k := d.entries[i].Key.(type) {
			case string:
				if k == key {
					return i
				}
			case Markup:
				if string(k) == key {
					return i
				}
			}
		}
		return -1
	}
	d.reindex()
	if i, ok := d.index[key]; ok {
		return i
	}
	return -1
}

func (d *Dict) find(key Value) (int, any, error) {
	if s, ok := key.(string); ok {
		return d.findString(s), s, nil
	}
	k, err := keyOf(key)
	if err != nil {
		return -1, nil, err
	}
	if s, ok := k.(string); ok {
		return d.findString(s), s, nil
	}
	if d.src != nil {
		d.load()
	}
	if len(d.entries) > smallDict {
		d.reindex()
		if i, ok := d.index[k]; ok {
			return i, k, nil
		}
		return -1, k, nil
	}
	for i := range d.entries {
		if ek, err := keyOf(d.entries[i].Key); err == nil && ek == k {
			return i, k, nil
		}
	}
	return -1, k, nil
}

func (d *Dict) reindex() {
	if d.index != nil {
		return
	}
	d.index = make(map[any]int, 2*len(d.entries))
	for i := range d.entries {
		k, err := keyOf(d.entries[i].Key)
		if err == nil { // only hashable keys ever get in
			d.index[k] = i
		}
	}
}

// Get returns the value of key; the error is that key is unhashable.
func (d *Dict) Get(key Value) (Value, bool, error) {
	i, _, err := d.find(key)
	if i < 0 || err != nil {
		return nil, false, err
	}
	return d.entries[i].Value, true, nil
}

// Set stores value under key; an existing entry keeps its place and its key.
func (d *Dict) Set(key, value Value) error {
	i, k, err := d.find(key)
	if err != nil {
		return err
	}
	if i >= 0 {
		d.entries[i].Value = value
		return nil
	}
	d.entries = append(d.entries, Entry{key, value})
	if d.index != nil {
		d.index[k] = len(d.entries) - 1
	}
	return nil
}

// SetString stores value under a str key.
func (d *Dict) SetString(key string, value Value) {
	if i := d.findString(key); i >= 0 {
		d.entries[i].Value = value
		return
	}
	d.entries = append(d.entries, Entry{key, value})
	if d.index != nil {
		d.index[key] = len(d.entries) - 1
	}
}

// Delete removes key and returns what it held.
func (d *Dict) Delete(key Value) (Value, bool, error) {
	i, _, err := d.find(key)
	if i < 0 || err != nil {
		return nil, false, err
	}
	return d.deleteAt(i).Value, true, nil
}

func (d *Dict) deleteAt(i int) Entry {
	e := d.entries[i]
	d.entries = append(d.entries[:i:i], d.entries[i+1:]...)
	d.index = nil
	return e
}

// Clear removes all entries.
func (d *Dict) Clear() { *d = Dict{} }

// Copy returns a shallow copy.
func (d *Dict) Copy() *Dict {
	return &Dict{entries: append([]Entry(nil), d.Entries()...)}
}

// Set is Python's set. It keeps insertion order, which Python does not promise.
type Set struct{ d Dict }

// NewSet returns a set of the items; the error is that one is unhashable.
func NewSet(items ...Value) (*Set, error) {
	s := &Set{}
	for _, item := range items {
		if err := s.Add(item); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Add puts v into the set.
func (s *Set) Add(v Value) error {
	i, _, err := s.d.find(v)
	if err != nil || i >= 0 {
		return err
	}
	return s.d.Set(v, nil)
}

// Has reports whether v is in the set.
func (s *Set) Has(v Value) (bool, error) {
	i, _, err := s.d.find(v)
	return i >= 0, err
}

// Len returns the number of elements.
func (s *Set) Len() int { return s.d.Len() }

// Items returns the elements in the order they were added.
func (s *Set) Items() []Value {
	items := make([]Value, 0, s.Len())
	for _, e := range s.d.Entries() {
		items = append(items, e.Key)
	}
	return items
}

func (s *Set) repr(r *reprer) error {
	if s.Len() == 0 {
		return r.write("set()")
	}
	return r.seq("{", s.Items(), "}")
}

// DictView is what dict.keys(), .values() and .items() return: a live view.
type DictView struct {
	D    *Dict
	What byte // 'k', 'v' or 'i'
}

// PyType implements [Object].
func (v *DictView) PyType() string {
	return map[byte]string{'k': "dict_keys", 'v': "dict_values", 'i': "dict_items"}[v.What]
}

// At returns the i-th element of the view.
func (v *DictView) At(i int) Value {
	e := v.D.Entries()[i]
	switch v.What {
	case 'k':
		return e.Key
	case 'v':
		return e.Value
	}
	return NewTuple(e.Key, e.Value)
}

func (v *DictView) list() []Value {
	items := make([]Value, v.D.Len())
	for i := range items {
		items[i] = v.At(i)
	}
	return items
}

func identity(k any) string {
	var b strings.Builder
	printPointer(&b, k)
	return b.String()
}
