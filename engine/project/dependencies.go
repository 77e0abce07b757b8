package project

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// directory is a directory of a tree.
type directory struct {
	source *Source
	dir    string
}

func (d directory) String() string { return d.source.Display(d.dir) }

// dependency is one name of a dependsOn.
type dependency struct {
	on directory
	at string // where it is written, for messages
}

// dependencies are those of an entry: its own, and those of the entries that include its file.
func (s scope) dependencies(e itemEntry, at place) ([]dependency, error) {
	out := slices.Clone(s.dependsOn)
	var errs []error
	for i, name := range e.DependsOn {
		at := at.key("dependsOn").index(i)
		dir, err := itemDir(s, name, at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, dependency{directory{s.source, dir}, at.String()})
	}
	return out, errors.Join(errs...)
}

// name notes the directory that an entry is about, also where its condition is false: who depends on what is left out in a
// target has nothing to wait for.
func (r *resolver) name(s scope, e itemEntry) {
	if r.known == nil {
		r.known = map[directory]bool{}
	}
	for _, rel := range []string{e.Path, e.Include} {
		if rel != "" {
			r.known[directory{s.source, path.Join(s.dir, rel)}] = true
		}
	}
}

// order fills in what items need. Names that no entry goes by, and circles, are errors.
func (r *resolver) order(items []Item) error {
	var errs []error
	seen := map[string]bool{}
	below := map[directory][]int{}
	for i, item := range items {
		for _, d := range item.inside {
			below[d] = append(below[d], i)
		}
	}
	for i := range items {
		for _, need := range items[i].dependsOn {
			if !r.known[need.on] && !seen[need.at] {
				seen[need.at] = true
				errs = append(errs, fmt.Errorf("%s: no entry deploys %s; name the directory of a path or include entry, relative to this file", need.at, need.on))
			}
			items[i].Needs = append(items[i].Needs, below[need.on]...)
		}
		slices.Sort(items[i].Needs)
		items[i].Needs = slices.Compact(items[i].Needs)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return circle(items)
}

// circle finds items that need each other.
func circle(items []Item) error {
	const under, done = 1, 2
	state := make([]int, len(items))
	var trail []int
	var visit func(i int) error
	visit = func(i int) error {
		switch state[i] {
		case done:
			return nil
		case under:
			var names []string
			for _, j := range append(trail[slices.Index(trail, i):], i) {
				names = append(names, items[j].inside[0].String())
			}
			return fmt.Errorf("%s: a circle: %s", items[i].dependsOn[0].at, strings.Join(names, " needs "))
		}
		state[i] = under
		trail = append(trail, i)
		for _, j := range items[i].Needs {
			if err := visit(j); err != nil {
				return err
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = done
		return nil
	}
	for i := range items {
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}
