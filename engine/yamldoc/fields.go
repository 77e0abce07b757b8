package yamldoc

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// fields are the keys that a struct knows.
type fields struct {
	byName map[string][]int // index path, through embedded structs
	names  []string         // in the struct's order
}

var fieldCache sync.Map // reflect.Type → fields

// fieldsOf lists a struct's keys as encoding/json does: by tag, or by field name; embedded structs count as if written out, and
// the outer field wins.
func fieldsOf(t reflect.Type) fields {
	if f, ok := fieldCache.Load(t); ok {
		return f.(fields)
	}
	f := fields{byName: map[string][]int{}}
	for _, sf := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" || !sf.IsExported() || sf.Anonymous && name == "" && isStruct(sf.Type) || hidden(t, sf.Index) {
			continue
		}
		if name == "" {
			name = sf.Name
		}
		if have, dup := f.byName[name]; dup {
			if len(have) > len(sf.Index) {
				f.byName[name] = sf.Index
			}
			continue
		}
		f.byName[name] = sf.Index
		f.names = append(f.names, name)
	}
	fieldCache.Store(t, f)
	return f
}

func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// hidden says whether a field is inside of an embedded struct that has a key of its own, or that is left out.
func hidden(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		name, _, _ := strings.Cut(t.FieldByIndex(index[:i]).Tag.Get("json"), ",")
		if name != "" {
			return true
		}
	}
	return false
}

// unknownKey says that a key of a struct is not known, and which one may have been meant.
func unknownKey(key string, known []string, structure reflect.Value) string {
	msg := fmt.Sprintf("unknown key %q", key)
	if a, ok := structure.Addr().Interface().(Adviser); ok {
		if advice := a.Advise(key); advice != "" {
			return msg + ": " + advice
		}
	}
	if near := Nearest(key, known); near != "" {
		return msg + fmt.Sprintf(", did you mean %q?", near)
	}
	if len(known) == 0 {
		return msg + ", expected none"
	}
	sorted := slices.Sorted(slices.Values(known))
	return msg + ", expected one of " + strings.Join(sorted, ", ")
}

// Nearest is the known name that name is most likely a slip of, or "".
func Nearest(name string, known []string) string {
	best, at := "", max(1, len([]rune(name))/3)+1
	for _, k := range known {
		// Names of which nothing is left are others, not slips.
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < min(at, len([]rune(name)), len([]rune(k))) {
			best, at = k, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
