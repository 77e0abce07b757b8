package projectenv

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
)

// selfHash is what load_sha256 gives while a hash is being computed, so that
// a file can hold its own.
const selfHash, hashing = "__self_sha256__", "__calc_sha256__"

// functions returns how to make each global function.
func functions(out *Outside) map[string]func() any {
	m := map[string]func() any{"time": func() any { return timeNamespace(out) }}
	add := func(name, signature string, fn goFunc) {
		m[name] = func() any { return py.NewFunc(name, signature, fn) }
	}
	m["render"] = func() any { return renderFunc() }
	add("load_template", "path, /, **kwargs", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return loadTemplate(t, a[0], a[1].(*py.Dict))
	})
	add("load_sha256", "path, digest_len=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		if _, ok := jinja.CallOf(t).Lookup(hashing); ok {
			return selfHash, nil
		}
		extra := py.NewDict(1)
		extra.SetString(hashing, true)
		s, err := loadTemplate(t, a[0], extra)
		if err != nil {
			return nil, err
		}
		return digest(t, s.(string), a[1])
	})
	add("load_base64", "path, width=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return loadBase64(t, out, a)
	})
	add("load_latest_git_commit", "path, length=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return latestCommit(t, out, a)
	})
	add("get_var", "path, default=None", getVar)
	add("merge_dict", "a, b, clone=True", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return mergeDict(t, a[0], a[1], a[2])
	})
	add("update_dict", "a, b", func(t *py.Thread, a []py.Value) (py.Value, error) {
		_, err := mergeDict(t, a[0], a[1], false)
		return "", err
	})
	add("raise", "msg", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		if err != nil {
			return nil, err
		}
		return nil, py.Errorf("TemplateError", "%s", s)
	})
	add("debug_print", "msg", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		if err == nil && out.Debug != nil {
			out.Debug(s)
		}
		return "", err
	})
	return m
}

// loadTemplate renders a file with everything the caller sees; dicts in extra
// are merged into those of the same name.
func loadTemplate(t *py.Thread, path py.Value, extra *py.Dict) (py.Value, error) {
	name, err := wantStr(path, "replace")
	if err != nil {
		return nil, err
	}
	if err := t.Enter(); err != nil {
		return nil, err
	}
	defer t.Leave()
	call := jinja.CallOf(t)
	src, err := call.Load(name)
	if err != nil {
		return nil, err
	}
	vars := make(map[string]py.Value, extra.Len())
	for _, e := range extra.Entries() {
		key := e.Key.(string)
		vars[key] = e.Value
		old, ok := call.Lookup(key)
		if _, isDict := e.Value.(*py.Dict); !ok || !isDict {
			continue
		}
		if _, isDict := old.(*py.Dict); isDict {
			if vars[key], err = mergeDict(t, old, e.Value, true); err != nil {
				return nil, err
			}
		}
	}
	return call.Render(src, vars)
}

func readFile(t *py.Thread, out *Outside, path py.Value) (string, []byte, error) {
	name, err := wantStr(path, "replace")
	if err != nil {
		return "", nil, err
	}
	if out.Files == nil {
		return "", nil, py.Errorf("TemplateNotFound", "%s", name)
	}
	call := jinja.CallOf(t)
	p, data, err := out.Files.Read(call.Context(), name, call.Template())
	if errors.Is(err, fs.ErrNotExist) {
		err = &py.Error{Kind: "TemplateNotFound", Msg: name, Cause: err}
	}
	return p, data, err
}

func loadBase64(t *py.Thread, out *Outside, a []py.Value) (py.Value, error) {
	_, data, err := readFile(t, out, a[0])
	if err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString(data)
	if on, err := py.Truth(t, a[1]); !on || err != nil {
		return text, err
	}
	width, err := py.WantInt(a[1])
	if err != nil {
		return nil, err
	}
	if width <= 0 {
		return nil, py.ValueErrorf("invalid width %d (must be > 0)", width)
	}
	var lines []string
	for len(text) > width {
		lines = append(lines, text[:width])
		text = text[width:]
	}
	return strings.Join(append(lines, text), "\n"), nil
}

func latestCommit(t *py.Thread, out *Outside, a []py.Value) (py.Value, error) {
	path, _, err := readFile(t, out, a[0])
	if err != nil {
		return nil, err
	}
	if out.Git == nil {
		return nil, py.Errorf("TemplateRuntimeError", "load_latest_git_commit: %s is not in a git repository", path)
	}
	hash, err := out.Git.LatestCommit(jinja.CallOf(t).Context(), path)
	if err != nil || a[1] == nil {
		return hash, err
	}
	return py.SliceOf(t, hash, nil, a[1], nil)
}

// maxDepth bounds the nesting of what is copied and merged.
const maxDepth = 500

var errDepth = py.Errorf("RecursionError", "maximum recursion depth exceeded")

// mergeDict merges b into a, or into a copy of it: dicts key by key, all else
// is replaced.
func mergeDict(t *py.Thread, a, b, clone py.Value) (py.Value, error) {
	on, err := py.Truth(t, clone)
	if err != nil {
		return nil, err
	}
	for _, v := range []py.Value{a, b} {
		if u, ok := v.(*py.Undefined); ok {
			return nil, u.Err()
		}
	}
	if a == nil && !on {
		a = &py.Dict{}
	}
	if b == nil {
		b = &py.Dict{}
	}
	dst, ok := a.(*py.Dict)
	if !ok {
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'items'", py.TypeName(a))
	}
	src, ok := b.(*py.Dict)
	if !ok {
		return nil, py.TypeErrorf("'%s' object cannot be merged into a dict", py.TypeName(b))
	}
	if on {
		c, err := copyValue(t, dst, 0)
		if err != nil {
			return nil, err
		}
		dst = c.(*py.Dict)
	}
	return dst, merge(t, dst, src, 0)
}

func merge(t *py.Thread, dst, src *py.Dict, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	for _, e := range src.Entries() {
		if err := t.Step(1); err != nil {
			return err
		}
		old, found, err := dst.Get(e.Key)
		if err != nil {
			return err
		}
		oldDict, isDict := old.(*py.Dict)
		newDict, alsoDict := e.Value.(*py.Dict)
		if found && isDict && alsoDict {
			if err := merge(t, oldDict, newDict, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := dst.Set(e.Key, e.Value); err != nil {
			return err
		}
	}
	return t.Grow(dst.Len())
}

// copyValue copies dicts and makes new lists of lists and tuples.
func copyValue(t *py.Thread, v py.Value, depth int) (py.Value, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	if err := t.Step(1); err != nil {
		return nil, err
	}
	var items []py.Value
	switch v := v.(type) {
	case *py.Dict:
		c := py.NewDict(v.Len())
		for _, e := range v.Entries() {
			x, err := copyValue(t, e.Value, depth+1)
			if err != nil {
				return nil, err
			}
			if err := c.Set(e.Key, x); err != nil {
				return nil, err
			}
		}
		return c, nil
	case *py.List:
		items = v.Items()
	case *py.Tuple:
		items = v.Items
	default:
		return v, nil
	}
	out := py.NewList()
	for _, item := range items {
		x, err := copyValue(t, item, depth+1)
		if err != nil {
			return nil, err
		}
		out.Append(x)
	}
	return out, nil
}
