package jinja

import (
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func sortFilters(r registry) {
	r.add("sort", "value, reverse=False, case_sensitive=False, attribute=None", sortFilter)
	r.add("dictsort", "value, case_sensitive=False, by='key', reverse=False", dictsort)
	r.add("unique", "value, case_sensitive=False, attribute=None", unique)
	r.add("min", "value, case_sensitive=False, attribute=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return extreme(t, a, func(x, best py.Value) (bool, error) { return py.Less(t, x, best) })
	})
	r.add("max", "value, case_sensitive=False, attribute=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return extreme(t, a, func(x, best py.Value) (bool, error) { return py.Compare(t, ">", x, best) })
	})
	r.add("groupby", "value, attribute, default=None, case_sensitive=False", groupby)
}

// ignoreCase lowers strings and leaves the rest.
func ignoreCase(v py.Value) py.Value {
	switch s := v.(type) {
	case string:
		return py.Lower(s)
	case py.Markup:
		return py.Markup(py.Lower(string(s)))
	}
	return v
}

// folding returns ignoreCase unless the flag says that case matters.
func folding(t *py.Thread, sensitive py.Value) (func(py.Value) py.Value, error) {
	on, err := py.Truth(t, sensitive)
	if on || err != nil {
		return nil, err
	}
	return ignoreCase, nil
}

func sortFilter(t *py.Thread, a []py.Value) (py.Value, error) {
	post, err := folding(t, a[2])
	if err != nil {
		return nil, err
	}
	values, err := py.Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	reverse, err := py.WantFlag(a[1])
	if err != nil {
		return nil, err
	}
	get := stateOf(t).multiGetter(a[3], post)
	keys := make([]py.Value, len(values))
	for i, v := range values {
		if keys[i], err = get(v); err != nil {
			return nil, err
		}
	}
	sorted, err := py.SortedBy(t, values, keys, reverse)
	if err != nil {
		return nil, err
	}
	return py.NewList(sorted...), nil
}

// multiGetter is attrGetter for "a,b": the key is the list of both.
func (s *state) multiGetter(attribute py.Value, post func(py.Value) py.Value) func(py.Value) (py.Value, error) {
	path, ok := py.IsString(attribute)
	if !ok || !strings.Contains(path, ",") {
		get := s.attrGetter(attribute, nil, post)
		return func(v py.Value) (py.Value, error) {
			k, err := get(v)
			if err != nil {
				return nil, err
			}
			return py.NewList(k), nil
		}
	}
	var getters []func(py.Value) (py.Value, error)
	for p := range strings.SplitSeq(path, ",") {
		getters = append(getters, s.attrGetter(p, nil, post))
	}
	return func(v py.Value) (py.Value, error) {
		keys := make([]py.Value, len(getters))
		for i, get := range getters {
			var err error
			if keys[i], err = get(v); err != nil {
				return nil, err
			}
		}
		return py.NewList(keys...), nil
	}
}

func dictsort(t *py.Thread, a []py.Value) (py.Value, error) {
	pos := -1
	by, isStr := py.IsString(a[2])
	switch {
	case isStr && by == "key":
		pos = 0
	case isStr && by == "value":
		pos = 1
	default:
		return nil, py.Errorf(kindArgument, `You can only sort by either "key" or "value"`)
	}
	d, ok := a[0].(*py.Dict)
	if !ok {
		if u, ok := a[0].(*py.Undefined); ok {
			return nil, u.Err()
		}
		return nil, py.Errorf("AttributeError", "'%s' object has no attribute 'items'", py.TypeName(a[0]))
	}
	reverse, err := py.WantFlag(a[3])
	if err != nil {
		return nil, err
	}
	pairs := make([]py.Value, 0, d.Len())
	for _, e := range d.Entries() {
		pairs = append(pairs, py.NewTuple(e.Key, e.Value))
	}
	sorted, err := py.Sorted(t, pairs, func(v py.Value) (py.Value, error) {
		// Whether case matters is only asked when there is something to sort.
		fold, err := folding(t, a[1])
		if err != nil {
			return nil, err
		}
		k := v.(*py.Tuple).Items[pos]
		if fold != nil {
			k = fold(k)
		}
		return k, nil
	}, reverse)
	if err != nil {
		return nil, err
	}
	return py.NewList(sorted...), nil
}

func unique(t *py.Thread, a []py.Value) (py.Value, error) {
	value, sensitive, attribute := a[0], a[1], a[2]
	s := stateOf(t)
	var it py.Iterator
	var get func(py.Value) (py.Value, error)
	seen := &py.Set{}
	return py.NewGenerator("sync_do_unique", func(t *py.Thread) (py.Value, bool, error) {
		if it == nil {
			fold, err := folding(t, sensitive)
			if err != nil {
				return nil, false, err
			}
			get = s.attrGetter(attribute, nil, fold)
			if it, err = py.Iter(t, value); err != nil {
				return nil, false, err
			}
		}
		for {
			v, ok, err := it.Next(t)
			if err != nil || !ok {
				return nil, false, err
			}
			if err := t.Step(1); err != nil {
				return nil, false, err
			}
			k, err := get(v)
			if err != nil {
				return nil, false, err
			}
			has, err := seen.Has(k)
			if err == nil && !has {
				if err = t.AllocEntries(1); err == nil {
					err = seen.Add(k)
				}
			}
			if err != nil {
				return nil, false, err
			}
			if !has {
				return v, true, nil
			}
		}
	}), nil
}

func extreme(t *py.Thread, a []py.Value, better func(x, best py.Value) (bool, error)) (py.Value, error) {
	values, err := py.Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	s := stateOf(t)
	if len(values) == 0 {
		return s.undefinedHint("No aggregated item, sequence was empty.", nil), nil
	}
	fold, err := folding(t, a[1])
	if err != nil {
		return nil, err
	}
	get := s.attrGetter(a[2], nil, fold)
	var best, bestKey py.Value
	for i, v := range values {
		k, err := get(v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			ok, err := better(k, bestKey)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		best, bestKey = v, k
	}
	return best, nil
}

func groupby(t *py.Thread, a []py.Value) (py.Value, error) {
	s := stateOf(t)
	fold, err := folding(t, a[3])
	if err != nil {
		return nil, err
	}
	values, err := py.Slice(t, a[0])
	if err != nil {
		return nil, err
	}
	get := s.attrGetter(a[1], a[2], fold)
	sorted, err := py.Sorted(t, values, get, false)
	if err != nil {
		return nil, err
	}
	out := py.NewList()
	var key py.Value
	var group *py.List
	for i, v := range sorted {
		k, err := get(v)
		if err != nil {
			return nil, err
		}
		same := false
		if i > 0 {
			if same, err = py.Equal(t, key, k); err != nil {
				return nil, err
			}
		}
		if same {
			group.Append(v)
			continue
		}
		key, group = k, py.NewList(v)
		shown := k
		if fold != nil { // show the first value's own case
			if shown, err = s.attrGetter(a[1], a[2], nil)(v); err != nil {
				return nil, err
			}
		}
		out.Append(&py.Tuple{Items: []py.Value{shown, group}, Names: []string{"grouper", "list"}})
	}
	return out, nil
}
