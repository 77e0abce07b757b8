package projectenv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Files is how templates reach files.
type Files interface {
	jinja.Loader
	// Read returns a file as it is, and the path by which Git knows it. The
	// name is looked up as that of a template.
	Read(ctx context.Context, name, from string) (path string, data []byte, err error)
}

// Git answers load_latest_git_commit.
type Git interface {
	// LatestCommit returns the hash of the last commit that touched path.
	LatestCommit(ctx context.Context, path string) (string, error)
}

// Outside is what templates can reach beyond their variables. What is nil is
// out of reach: using it is an error, but for Debug, which is silent.
type Outside struct {
	Files Files
	Git   Git
	Now   func() time.Time
	Debug func(text string) // gets the text of debug_print
	// Functions are more global names, such as the images namespace. They
	// hide variables of the same name, as all functions do.
	Functions map[string]any
}

// Env renders templates with a set of variables. It is cheap to derive one
// from another with [Env.With]; all of them share the compiled templates. An
// Env is safe for concurrent use.
type Env struct {
	env *jinja.Env
	out Outside
}

// New returns an environment without variables. A zero limit means its
// default.
func New(limits py.Limits) *Env {
	e := &Env{env: jinja.New(jinja.Options{Undefined: jinja.Strict, LoopControls: true, Filters: filters(), Limits: limits})}
	return e.With(nil, Outside{})
}

// With returns an environment with other variables and another outside. vars
// is a map[string]any, a [jinja.Vars] or nil; it must not be changed while the
// environment is in use.
func (e *Env) With(vars any, out Outside) *Env {
	n := &Env{out: out}
	env := e.env.WithGlobals(&globals{vars: vars, out: &n.out})
	if out.Files != nil {
		env = env.WithLoader(out.Files)
	} else {
		env = env.WithLoader(jinja.MapLoader{})
	}
	n.env = env
	return n
}

// Render renders text as the template called name. Text without { is returned
// as it is, with its line ends and its last newline.
func (e *Env) Render(ctx context.Context, name, text string) (string, error) {
	if !strings.Contains(text, "{") {
		return text, nil
	}
	t, err := e.env.Parse(name, text)
	if err != nil {
		return "", err
	}
	return t.Render(ctx, nil)
}

// When evaluates a condition. An empty one is true.
func (e *Env) When(ctx context.Context, condition string) (bool, error) {
	if condition == "" {
		return true, nil
	}
	t, err := e.env.Parse("when", "{% if "+condition+" %}1{% endif %}")
	if err != nil {
		return false, err
	}
	out, err := t.Render(ctx, nil)
	return out == "1", err
}

// Eval evaluates an expression to plain Go data; see [py.ToGo].
func (e *Env) Eval(ctx context.Context, expression string) (any, error) {
	v, err := e.env.Eval(ctx, expression, nil)
	if err != nil {
		return nil, err
	}
	return py.ToGo(py.NewThread(ctx, py.Limits{}), v)
}

// RenderValues returns a copy of v in which every string that holds a { is
// rendered, keys of maps too. It knows maps and slices as JSON and YAML
// decoders make them; other values stay what they are. name is what errors
// call v; they name the place in it, and those of all strings come together.
func (e *Env) RenderValues(ctx context.Context, name string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		return e.Render(ctx, name, v)
	case []any:
		out := make([]any, len(v))
		var errs []error
		for i, item := range v {
			r, err := e.RenderValues(ctx, name+"["+strconv.Itoa(i)+"]", item)
			errs = append(errs, err)
			out[i] = r
		}
		return out, errors.Join(errs...)
	case map[string]any:
		out := make(map[string]any, len(v))
		var errs []error
		for _, k := range slices.Sorted(maps.Keys(v)) {
			key, err := e.Render(ctx, name, k)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if _, taken := out[key]; taken {
				errs = append(errs, fmt.Errorf("%s: the key %q renders to %q, which is there already", name, k, key))
				continue
			}
			out[key], err = e.RenderValues(ctx, name+"."+key, v[k])
			errs = append(errs, err)
		}
		return out, errors.Join(errs...)
	}
	return v, nil
}

// Reserved lists the names that functions have in templates: variables called
// so are hidden.
func Reserved() []string {
	var names []string
	for name := range functions(&Outside{}) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// globals are the functions and, behind them, the variables.
type globals struct {
	vars any
	out  *Outside
}

// Lookup implements [jinja.Vars].
func (g *globals) Lookup(name string) (any, bool) {
	if v, ok := g.out.Functions[name]; ok {
		return v, true
	}
	if make, ok := functions(g.out)[name]; ok {
		return make(), true
	}
	switch vars := g.vars.(type) {
	case map[string]any:
		v, ok := vars[name]
		return v, ok
	case jinja.Vars:
		return vars.Lookup(name)
	}
	return nil, false
}

// Names implements [jinja.Vars].
func (g *globals) Names() []string {
	names := Reserved()
	for name := range g.out.Functions {
		names = append(names, name)
	}
	switch vars := g.vars.(type) {
	case map[string]any:
		names = append(names, slices.Sorted(maps.Keys(vars))...)
	case jinja.Vars:
		names = append(names, vars.Names()...)
	}
	return names
}
