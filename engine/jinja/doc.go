// Package jinja is Jinja2 3.1 for Go: it renders templates byte for byte as
// Python's Jinja2 does.
//
// An [Env] holds what templates share, a [Template] is compiled once and
// rendered many times, by many goroutines if need be:
//
//	env := jinja.New(jinja.Options{Undefined: jinja.Strict})
//	tpl, err := env.Parse("greeting", "Hello {{ name|title }}!")
//	…
//	out, err := tpl.Render(ctx, map[string]any{"name": "world"})
//
// The whole language is there: all statements, filters, tests and global
// functions of Jinja2 3.1 with all their arguments, Python's values with their
// methods, arithmetic, formatting and repr (package py), autoescaping, line
// statements, and the extensions loopcontrols and do.
//
// # Data
//
// Variables are plain Go data as JSON and YAML decoders make it; see
// [py.FromGo]. Each render converts what it uses, so a template that changes a
// list changes its own copy. Filters, tests and functions are written with
// [py.NewFunc], which declares their parameters as Python would; [CallOf] gives
// them the template they were called from. Attribute access in templates
// reaches Python's methods and dict entries, never Go methods or fields.
//
// # Errors
//
// Whatever is wrong with a template is an [*Error]: it names the template, the
// line, the Python exception, similar names for one that is undefined, and the
// chain of includes.
//
// # Untrusted templates
//
// [Options].Limits bounds steps, output, nesting, the size of integers and the
// memory that a render may use; the context bounds its time. A limit that is
// exceeded is a [*py.LimitError]. Templates reach files only through the
// [Loader], and the clock, the network and the environment not at all.
//
// # Differences
//
// The few known differences from Python, and the reasons for them, are listed
// in docs/jinja.md. The stored results that the tests compare with are made by
// testdata/jinja/gen_cases.py from Python's own Jinja2.
package jinja
