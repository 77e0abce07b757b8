package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// loadVars loads variable sources in order into vars, and returns what each gave. Each entry's own strings are rendered
// with what is loaded so far (project format §6).
func (r *resolver) loadVars(ctx context.Context, tpl *Templates, entries []varsEntry, vars Vars, list place) ([]*Layer, error) {
	var layers []*Layer
	for i, e := range entries {
		at := list.index(i).String()
		if e.When != nil {
			if ok, err := tpl.Condition(ctx, at+".when", string(*e.When), vars); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		layer, err := r.loadEntry(ctx, tpl, e, vars, at)
		if err != nil {
			return nil, err
		}
		if layer == nil {
			continue
		}
		layers = append(layers, layer)
		if e.NoOverride {
			mergeUnder(vars, layer.Values)
		} else {
			merge(vars, layer.Values)
		}
	}
	return layers, nil
}

// loadEntry returns what one entry adds to the variables; nil for nothing.
func (r *resolver) loadEntry(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (*Layer, error) {
	l, err := r.loadSource(ctx, tpl, e, vars, at)
	if err != nil || l.value == nil {
		return nil, err
	}
	declared := l.sensitive && e.Sensitive != nil && !*e.Sensitive
	if e.Sensitive != nil {
		l.sensitive = *e.Sensitive
	}
	switch {
	case l.sensitive:
		l.value = r.kept.hide(l.value)
	case declared:
		l.value = r.kept.declare(strings.TrimSpace(l.origin+" "+l.which), l.value)
	}
	layer := &Layer{Origin: l.origin, At: at, Sensitive: l.sensitive, Under: e.NoOverride}
	if target := cmp.Or(e.TargetPath, e.innerTargetPath()); target != "" {
		path, err := tpl.Text(ctx, at+".targetPath", target, vars)
		if err != nil {
			return nil, err
		}
		layer.Values, err = below(path, l.value, at)
		return layer, err
	}
	m, ok := l.value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: %s holds a list or a plain value, not a map; say with targetPath where it goes", at, l.origin)
	}
	layer.Values = m
	return layer, nil
}

// loaded is what a variable source gave.
type loaded struct {
	// value is the decoded value; nil when it is missing and that is allowed.
	value any
	// sensitive values are not shown to anyone.
	sensitive bool
	// origin names the source for people: a file, a store and the secret's name in it. which says what of it, where origin does not.
	origin, which string
}

// loadSource returns an entry's value.
func (r *resolver) loadSource(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (loaded, error) {
	switch {
	case e.Values != nil:
		v, _, err := tpl.values(ctx, at+".values", e.Values, vars)
		return loaded{value: v, origin: "values"}, err
	case e.SystemEnvVars != nil:
		if err := r.project.refuse("systemEnvVars"); err != nil {
			return loaded{}, fmt.Errorf("%s: %w", at, err)
		}
		v, _, err := tpl.values(ctx, at+".systemEnvVars", e.SystemEnvVars, vars)
		if err != nil {
			return loaded{}, err
		}
		var names []string
		scalars(v, func(v any) any { names = append(names, fmt.Sprint(v)); return v })
		slices.Sort(names)
		v, err = r.environment(v, e.IgnoreMissing, at+".systemEnvVars")
		return loaded{value: v, sensitive: true, origin: "environment variables", which: strings.Join(names, " ")}, err
	case e.Git != nil:
		return r.loadGit(ctx, tpl, e, vars, at)
	case e.GitFiles != nil:
		return r.loadGitFiles(ctx, tpl, e, vars, at)
	case e.File != "":
		return r.loadFile(ctx, tpl, e, vars, at)
	default:
		return r.loadOutside(ctx, tpl, e, vars, at)
	}
}

func (r *resolver) loadFile(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (loaded, error) {
	rel, err := tpl.Text(ctx, at+".file", e.File, vars)
	if err != nil {
		return loaded{}, err
	}
	name, err := tpl.find(rel)
	if errors.Is(err, fs.ErrNotExist) && e.IgnoreMissing {
		return loaded{}, nil
	}
	if err != nil {
		return loaded{}, fmt.Errorf("%s.file: %w", at, err)
	}
	return r.loadDocument(ctx, tpl, name, vars, e.Multidoc)
}

// loadDocument renders and decodes a file of the templates' source.
func (r *resolver) loadDocument(ctx context.Context, tpl *Templates, name string, vars Vars, multidoc bool) (loaded, error) {
	f, err := tpl.render(ctx, name, vars)
	if err != nil {
		return loaded{}, err
	}
	plain, encrypted, err := r.kept.plain(ctx, f)
	if err != nil {
		return loaded{}, err
	}
	v, err := documents(f.name, plain, multidoc)
	if !encrypted {
		err = yamldoc.Relocate(err, f.template, f.text)
	}
	return loaded{value: v, origin: f.name}, err
}

// documents decodes a source's text: one document, or all of them as a list.
func documents(file string, data []byte, multidoc bool) (any, error) {
	if multidoc {
		docs, err := yamldoc.Values(file, data)
		if err != nil {
			return nil, err
		}
		list := make([]any, len(docs))
		for i, d := range docs {
			list[i] = object.Normalize(d.Value)
		}
		return list, nil
	}
	v, err := yamldoc.Value(file, data)
	if v == nil && err == nil {
		return map[string]any{}, nil // an empty file has nothing to say
	}
	return object.Normalize(v), err
}

// environment replaces the leaves of v, NAME or NAME:default, by environment variables, read as YAML.
func (r *resolver) environment(v any, ignoreMissing bool, at string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		var errs []error
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e := v[k]
			value, err := r.environment(e, ignoreMissing, at+"."+k)
			if errors.Is(err, errUnset) && ignoreMissing {
				continue
			}
			errs = append(errs, err)
			out[k] = value
		}
		return out, errors.Join(errs...)
	case []any:
		out := []any{}
		var errs []error
		for i, e := range v {
			value, err := r.environment(e, ignoreMissing, fmt.Sprintf("%s[%d]", at, i))
			if errors.Is(err, errUnset) && ignoreMissing {
				continue
			}
			errs = append(errs, err)
			out = append(out, value)
		}
		return out, errors.Join(errs...)
	case string:
		name, def, hasDefault := strings.Cut(v, ":")
		if r.project.opts.Env == nil {
			return nil, fmt.Errorf("%s: environment variables are out of reach here", at)
		}
		if r.project.opts.Withheld != nil && r.project.opts.Withheld(name) {
			return nil, fmt.Errorf("%s: environment variable %s is refused: it is what the job itself is trusted with, and what a pull request loads is shown; give what the project needs another name", at, name)
		}
		value, ok := r.project.opts.Env(name)
		switch {
		case !ok && hasDefault && def == "":
			return "", nil
		case !ok && hasDefault:
			value = def
		case !ok:
			return nil, fmt.Errorf("%s: environment variable %s %w; set it, or give a default: %s:value", at, name, errUnset, name)
		}
		parsed, err := yamldoc.Value("environment variable "+name, []byte(value))
		if err != nil {
			return value, nil // not YAML: it is what it is
		}
		return object.Normalize(parsed), nil
	default:
		return nil, fmt.Errorf("%s: expected the name of an environment variable", at)
	}
}

var errUnset = errors.New("is not set")

// below returns a map that holds v at a path of plain children, such as a.b or $.a["b.c"].
func below(path string, v any, at string) (map[string]any, error) {
	keys, err := children(path)
	if err != nil {
		return nil, fmt.Errorf("%s.targetPath: %w", at, err)
	}
	for i := len(keys) - 1; i >= 0; i-- {
		v = map[string]any{keys[i]: v}
	}
	return v.(map[string]any), nil
}

// children reads a JSON path that has nothing but children.
func children(path string) ([]string, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	var keys []string
	for rest != "" {
		if quoted, ok := strings.CutPrefix(rest, "["); ok {
			if len(quoted) < 3 || (quoted[0] != '"' && quoted[0] != '\'') {
				return nil, fmt.Errorf("%q is not a path of plain children", path)
			}
			key, after, ok := strings.Cut(quoted[1:], quoted[:1]+"]")
			if !ok {
				return nil, fmt.Errorf("%q is not a path of plain children", path)
			}
			keys, rest = append(keys, key), strings.TrimPrefix(after, ".")
			continue
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 || strings.ContainsAny(rest[:end], "*?") {
			return nil, fmt.Errorf("%q is not a path of plain children", path)
		}
		keys = append(keys, rest[:end])
		if rest = rest[end:]; strings.HasPrefix(rest, ".") {
			rest = rest[1:]
			if rest == "" {
				return nil, fmt.Errorf("%q is not a path of plain children", path)
			}
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%q is not a path of plain children", path)
	}
	return keys, nil
}
