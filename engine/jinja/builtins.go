package jinja

import (
	"sync"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// registry collects functions by name.
type registry map[string]*py.Func

// goFunc is the body of a function; see [py.NewFunc].
type goFunc = func(t *py.Thread, a []py.Value) (py.Value, error)

func (r registry) add(name, signature string, fn goFunc) { r[name] = py.NewFunc(name, signature, fn) }

func (r registry) alias(name, of string) { r[name] = r[of] }

var (
	filtersOnce, testsOnce, globalsOnce sync.Once
	filtersMade, testsMade              registry
	globalsMade                         map[string]py.Value
)

// builtinFilters returns Jinja2's filters. The map is shared: read only.
func builtinFilters() map[string]*py.Func {
	filtersOnce.Do(func() {
		r := registry{}
		textFilters(r)
		htmlFilters(r)
		numberFilters(r)
		sequenceFilters(r)
		sortFilters(r)
		selectFilters(r)
		wrapFilters(r)
		filtersMade = r
	})
	return filtersMade
}

// builtinTests returns Jinja2's tests.
func builtinTests() map[string]*py.Func {
	testsOnce.Do(func() {
		r := registry{}
		addTests(r)
		testsMade = r
	})
	return testsMade
}

// builtinGlobals returns Jinja2's global functions.
func builtinGlobals() map[string]py.Value {
	globalsOnce.Do(func() { globalsMade = makeGlobals() })
	return globalsMade
}

// stateOf returns the render that t belongs to.
func stateOf(t *py.Thread) *state { return t.Host.(*state) }

// softText is soft_str(v) as text.
func softText(t *py.Thread, v py.Value) (string, error) {
	if s, ok := py.IsString(v); ok {
		return s, nil
	}
	return py.Str(t, v)
}

// method calls a method of str or Markup on soft_str(v).
func method(t *py.Thread, v py.Value, name string, args ...py.Value) (py.Value, error) {
	s, err := py.SoftStr(t, v)
	if err != nil {
		return nil, err
	}
	return py.Method(s, name).CallWith(t, s, py.Args{Pos: args})
}
