package jinja

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Undefined kinds, for [Options].
const (
	Lenient   = py.Lenient
	Chainable = py.Chainable
	Debug     = py.Debug
	Strict    = py.Strict
)

// Options configure an [Env]. The zero value is Jinja2's default environment
// without a loader.
type Options struct {
	// Syntax holds the delimiters and white space rules.
	Syntax Syntax
	// Undefined is the kind of value that missing names have.
	Undefined py.UndefinedKind
	// Autoescape says which templates escape what they print, by name. Nil
	// means none; see [Always].
	Autoescape func(template string) bool
	// Loader finds the templates of include, import and extends.
	Loader Loader
	// Filters, Tests and Globals are added to the built-in ones. A nil entry
	// removes a built-in. Globals are visible everywhere, in imported
	// templates too; values are converted by [py.FromGo].
	Filters map[string]*py.Func
	Tests   map[string]*py.Func
	Globals map[string]any
	// LoopControls switches on {% break %} and {% continue %}, Do {% do %}.
	LoopControls, Do bool
	// Limits bound what one render may cost.
	Limits py.Limits
	// Rand is what the random filter and lipsum draw from; nil is a fixed
	// sequence, so that renders can be repeated.
	Rand func(n int) int
}

// Always makes every template escape its output: Options.Autoescape = Always.
func Always(string) bool { return true }

// Env holds what templates share: syntax, filters, tests, globals and the
// loader. It caches compiled templates by name and text. An Env is safe for
// concurrent use.
type Env struct {
	syntax       Syntax
	undefined    py.UndefinedKind
	autoescape   func(string) bool
	loader       Loader
	filters      map[string]*py.Func
	tests        map[string]*py.Func
	globals      Vars
	builtins     map[string]py.Value
	loopControls bool
	do           bool
	limits       py.Limits
	rand         func(n int) int
	cache        *cache
}

// maxCached is how many compiled templates an environment keeps.
const maxCached = 1000

type cache struct {
	mu    sync.Mutex
	codes map[string]*code
}

// New returns an environment.
func New(o Options) *Env {
	env := &Env{
		syntax:       o.Syntax.withDefaults(),
		undefined:    o.Undefined,
		autoescape:   o.Autoescape,
		loader:       o.Loader,
		filters:      withExtras(builtinFilters(), o.Filters),
		tests:        withExtras(builtinTests(), o.Tests),
		builtins:     builtinGlobals(),
		loopControls: o.LoopControls,
		do:           o.Do,
		limits:       o.Limits,
		rand:         o.Rand,
		cache:        &cache{codes: map[string]*code{}},
	}
	if o.Globals != nil {
		env.globals = varsOf(o.Globals)
	}
	return env
}

func withExtras(builtin, extra map[string]*py.Func) map[string]*py.Func {
	if len(extra) == 0 {
		return builtin
	}
	out := maps.Clone(builtin)
	for name, f := range extra {
		if f == nil {
			delete(out, name)
		} else {
			out[name] = f
		}
	}
	return out
}

// WithGlobals returns an environment that differs from env only in its
// globals. Both share the cache of compiled templates, so this is cheap
// enough to do for every render.
func (env *Env) WithGlobals(globals any) *Env {
	e := *env
	e.globals = varsOf(globals)
	return &e
}

// WithLoader is [Env.WithGlobals] for the loader.
func (env *Env) WithLoader(l Loader) *Env {
	e := *env
	e.loader = l
	return &e
}

func (env *Env) autoescapes(name string) bool {
	return env.autoescape != nil && env.autoescape(name)
}

func (env *Env) random(n int) int {
	if env.rand != nil {
		return env.rand(n)
	}
	return fixedRand(n)
}

var fixedSource = struct {
	sync.Mutex
	r *rand.Rand
}{r: rand.New(rand.NewPCG(1, 2))}

func fixedRand(n int) int {
	fixedSource.Lock()
	defer fixedSource.Unlock()
	return fixedSource.r.IntN(n)
}

// Parse compiles a template. name is what errors call it and what a relative
// include in it is relative to; it need not be known to the loader.
func (env *Env) Parse(name, source string) (*Template, error) {
	c, err := env.compile(name, source)
	if err != nil {
		return nil, err
	}
	return &Template{env: env, code: c}, nil
}

func (env *Env) compile(name, source string) (*code, error) {
	env.cache.mu.Lock()
	c := env.cache.codes[name]
	env.cache.mu.Unlock()
	if c != nil && c.source == source {
		return c, nil
	}
	c, err := compile(env, name, source)
	if err != nil {
		return nil, newError(err, name, 0)
	}
	env.cache.mu.Lock()
	defer env.cache.mu.Unlock()
	if len(env.cache.codes) >= maxCached {
		clear(env.cache.codes)
	}
	env.cache.codes[name] = c
	return c, nil
}

// Get loads a template by name, as {% include %} does.
func (env *Env) Get(ctx context.Context, name string) (*Template, error) {
	src, err := env.load(ctx, name, "")
	if err != nil {
		return nil, err
	}
	return env.Parse(src.Name, src.Text)
}

// Eval evaluates one expression. The result is a Python value; [py.ToGo]
// makes plain Go data of it. An undefined result is returned as a
// *py.Undefined, not as an error.
func (env *Env) Eval(ctx context.Context, expression string, vars any) (py.Value, error) {
	c, err := compileExpression(env, expression)
	if err != nil {
		return nil, newError(err, "<expression>", 0)
	}
	s := newState(ctx, env, vars) // not given back: v may refer to it
	var v py.Value
	err = s.guard(func() error {
		f := s.rootFrame(c, s.newContext(c))
		f.enter(c.enter)
		var err error
		v, err = c.body[0].(*doStmt).x.eval(f)
		if err != nil {
			return locate(err, f, 1)
		}
		return nil
	})
	return v, err
}

func compileExpression(env *Env, expression string) (c *code, err error) {
	e, found, err := parseExpression(env, expression)
	if err != nil {
		return nil, err
	}
	defer recoverSyntax(&err)
	cc := &compiler{env: env, facts: found, code: &code{name: "<expression>", source: expression, self: -1}}
	cc.code.body = []stmt{&doStmt{1, e}}
	cc.template(cc.code.body)
	return cc.code, nil
}

// Template is a compiled template. It is safe for concurrent renders.
type Template struct {
	env  *Env
	code *code
}

// Name returns the name the template was parsed with.
func (t *Template) Name() string { return t.code.name }

// Render renders the template. vars is a map[string]any, a [Vars], a
// *py.Dict or nil. Errors are an [*Error].
func (t *Template) Render(ctx context.Context, vars any) (string, error) {
	s := newState(ctx, t.env, vars)
	defer s.free()
	err := s.guard(func() error {
		return t.code.run(s.rootFrame(t.code, s.newContext(t.code)))
	})
	if err != nil {
		return "", err
	}
	return string(s.out), nil
}
