package py

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// FromGo returns v as a Python value. It knows what JSON and YAML decoders
// produce: nil, bool, all integer and float types, json.Number, string,
// []any, []string, map[string]any, map[string]string, map[any]any; other
// slices, maps and named basic types by reflection; and py's own values as
// they are. Maps get sorted keys, for Go's have no order. Large trees are
// converted as they are reached; v must not be changed meanwhile.
func FromGo(v any) Value {
	switch v := v.(type) {
	case nil, bool, int, float64, string, Markup, Bytes, complex128,
		*List, *Tuple, *Dict, *Set, *Range, *Undefined, Object:
		return v
	case *big.Int:
		return Big(v)
	case map[string]any:
		if len(v) == 0 {
			return &Dict{}
		}
		return &Dict{src: v}
	case []any:
		if len(v) == 0 {
			return &List{}
		}
		return &List{src: v}
	case []string:
		items := make([]Value, len(v))
		for i, s := range v {
			items[i] = s
		}
		return &List{items: items}
	case map[string]string:
		d := NewDict(len(v))
		for _, k := range sortedKeys(v) {
			d.entries = append(d.entries, Entry{k, v[k]})
		}
		return d
	case json.Number:
		return fromNumber(string(v))
	case int64:
		return int(v)
	case int32:
		return int(v)
	case uint64:
		return Big(new(big.Int).SetUint64(v))
	case float32:
		return float64(v)
	case []byte:
		return Bytes(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fromReflect(reflect.ValueOf(v))
}

func (d *Dict) load() {
	src := d.src
	d.src = nil
	d.entries = make([]Entry, 0, len(src))
	for _, k := range sortedKeys(src) {
		d.entries = append(d.entries, Entry{k, FromGo(src[k])})
	}
}

func (l *List) load() {
	src := l.src
	l.src = nil
	l.items = make([]Value, len(src))
	for i, v := range src {
		l.items[i] = FromGo(v)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func fromNumber(s string) Value {
	if i, err := strconv.Atoi(s); err == nil {
		return i
	}
	if b, ok := new(big.Int).SetString(s, 10); ok {
		return Big(b)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		return s
	}
	return f
}

func fromReflect(v reflect.Value) Value {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Big(new(big.Int).SetUint64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		items := make([]Value, v.Len())
		for i := range items {
			items[i] = FromGo(v.Index(i).Interface())
		}
		return &List{items: items}
	case reflect.Map:
		return fromMap(v)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return FromGo(v.Elem().Interface())
	}
	return fmt.Sprint(v.Interface())
}

func fromMap(v reflect.Value) Value {
	entries := make([]Entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		entries = append(entries, Entry{FromGo(it.Key().Interface()), FromGo(it.Value().Interface())})
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if less, err := Less(nil, a.Key, b.Key); err == nil {
			if less {
				return -1
			}
			return 1
		}
		// Keys of different types do not compare in Python; order them by type, then text.
		as, bs := fmt.Sprintf("%T %v", a.Key, a.Key), fmt.Sprintf("%T %v", b.Key, b.Key)
		if as < bs {
			return -1
		}
		return 1
	})
	return &Dict{entries: entries}
}

// ToGo returns v as plain Go data: map[string]any, []any, string, int,
// *big.Int, float64, bool and nil. Keys of dicts become their str(); tuples
// and sets become []any.
func ToGo(t *Thread, v Value) (any, error) {
	switch v := v.(type) {
	case nil, bool, int, float64, string, *big.Int:
		return v, nil
	case Markup:
		return string(v), nil
	case *Undefined:
		return nil, v.Err()
	case *List:
		return goSlice(t, v.Items())
	case *Tuple:
		return goSlice(t, v.Items)
	case *Set:
		return goSlice(t, v.Items())
	case *Dict:
		if err := t.Enter(); err != nil {
			return nil, err
		}
		defer t.Leave()
		m := make(map[string]any, v.Len())
		for _, e := range v.Entries() {
			k, err := Str(t, e.Key)
			if err != nil {
				return nil, err
			}
			if m[k], err = ToGo(t, e.Value); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return Str(t, v)
}

func goSlice(t *Thread, items []Value) (any, error) {
	if err := t.Enter(); err != nil {
		return nil, err
	}
	defer t.Leave()
	s := make([]any, len(items))
	for i, item := range items {
		var err error
		if s[i], err = ToGo(t, item); err != nil {
			return nil, err
		}
	}
	return s, nil
}
