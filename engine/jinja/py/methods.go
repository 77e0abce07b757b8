package py

import (
	"math"
	"sync"
)

// methodTables are the methods of the built-in types, by name.
type methodTables struct {
	str, markup, list, dict, tuple, int, float, bytes, set, view map[string]*Func
}

var (
	methodsOnce sync.Once
	methodsMade *methodTables
)

// methods builds the tables once, when a template first asks for a method.
func methods() *methodTables {
	methodsOnce.Do(func() {
		m := &methodTables{
			str: strMethods(), list: listMethods(), dict: dictMethods(), tuple: tupleMethods(),
			int: intMethods(), float: floatMethods(), bytes: bytesMethods(), set: setMethods(), view: viewMethods(),
		}
		m.markup = markupMethods(m.str)
		methodsMade = m
	})
	return methodsMade
}

type table map[string]*Func

func (m table) add(name, signature string, fn func(t *Thread, a []Value) (Value, error)) {
	m[name] = NewFunc(name, signature, fn)
}

func wantStr(v Value, what string) (string, error) {
	if s, ok := IsString(v); ok {
		return s, nil
	}
	return "", TypeErrorf("%s must be str, not %s", what, TypeName(v))
}

// WantInt returns v as an int, or the TypeError for what is no integer.
func WantInt(v Value) (int, error) {
	if i, ok := asIndex(v); ok {
		return i, nil
	}
	return 0, TypeErrorf("'%s' object cannot be interpreted as an integer", TypeName(v))
}

// WantFlag returns v as the C int that some of Python's own functions take for
// a flag: any small integer will do, but nothing else.
func WantFlag(v Value) (bool, error) {
	i, err := WantInt(v)
	if err == nil && (i > math.MaxInt32 || i < math.MinInt32) {
		err = Errorf("OverflowError", "Python int too large to convert to C int")
	}
	return i != 0, err
}

// bounds clips the start and stop arguments of find, count, index, … to [0, n].
func bounds(n int, start, stop Value) (int, int, error) {
	lo, hi, _, err := sliceBounds(n, start, stop, nil)
	return lo, hi, err
}

func strList[S ~string](parts []S) *List {
	items := make([]Value, len(parts))
	for i, p := range parts {
		items[i] = string(p)
	}
	return &List{items: items}
}
