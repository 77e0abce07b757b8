package jinja

import (
	"fmt"
	"maps"
	"slices"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Vars are the variables of a render. A value is asked for at most once a
// render and converted by [py.FromGo], so they may be expensive to make.
type Vars interface {
	// Lookup returns the variable's value and whether it exists.
	Lookup(name string) (any, bool)
	// Names lists all variables, for messages and for functions that look
	// through them.
	Names() []string
}

type mapVars map[string]any

func (m mapVars) Lookup(name string) (any, bool) { v, ok := m[name]; return v, ok }

func (m mapVars) Names() []string { return slices.Sorted(maps.Keys(m)) }

type dictVars struct{ d *py.Dict }

func (v dictVars) Lookup(name string) (any, bool) { return v.d.GetString(name) }

func (v dictVars) Names() []string { return keysOf(v.d) }

type noVars struct{}

func (noVars) Lookup(string) (any, bool) { return nil, false }
func (noVars) Names() []string           { return nil }

func varsOf(v any) Vars {
	switch v := v.(type) {
	case nil:
		return noVars{}
	case Vars:
		return v
	case map[string]any:
		return mapVars(v)
	case *py.Dict:
		return dictVars{v}
	}
	if d, ok := py.FromGo(v).(*py.Dict); ok {
		return dictVars{d}
	}
	panic(fmt.Sprintf("jinja: %T holds no variables", v))
}
