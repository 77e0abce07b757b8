package project

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// An Inclusion picks items by tag and by directory (project format §2.6). The zero value picks all. Names match whole.
type Inclusion struct {
	IncludeTags, ExcludeTags []string
	// Directories are slash paths below the source root.
	IncludeDirs, ExcludeDirs []string
}

// Restricted says whether anything is left out at all.
func (i Inclusion) Restricted() bool {
	return len(i.IncludeTags)+len(i.ExcludeTags)+len(i.IncludeDirs)+len(i.ExcludeDirs) > 0
}

// ByTag says whether tags decide.
func (i Inclusion) ByTag() bool { return len(i.IncludeTags)+len(i.ExcludeTags) > 0 }

// Selects says whether what has these tags and this directory is picked: an exclusion that matches wins, and where
// anything is included, one of the inclusions must match.
func (i Inclusion) Selects(tags []string, dir string) bool {
	for _, t := range tags {
		if slices.Contains(i.ExcludeTags, t) {
			return false
		}
	}
	if slices.Contains(i.ExcludeDirs, dir) {
		return false
	}
	if len(i.IncludeTags)+len(i.IncludeDirs) == 0 {
		return true
	}
	return slices.Contains(i.IncludeDirs, dir) || slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(i.IncludeTags, t) })
}

// pick returns what remains of an item: all of it, only its barrier, or nothing.
func (i Inclusion) pick(item Item) (Item, bool) {
	switch {
	case item.OnlyRender || item.AlwaysDeploy || i.Selects(item.Tags, item.Dir):
		return item, true
	case item.Barrier:
		// Order must not depend on what is picked; what stands at the barrier is not deployed for it.
		return Item{From: item.From, Barrier: true, Message: item.Message}, true
	}
	return Item{}, false
}

// unmatched names the tags and directories that no item has: most likely they are misspelt.
func (i Inclusion) unmatched(items []Item) []string {
	var tags, dirs []string
	for _, item := range items {
		tags = append(tags, item.Tags...)
		if item.Dir != "" {
			dirs = append(dirs, item.Dir)
		}
	}
	var out []string
	for _, given := range []struct {
		flag, what  string
		names, have []string
	}{
		{"--include-tag", "has this tag", i.IncludeTags, tags},
		{"--exclude-tag", "has this tag", i.ExcludeTags, tags},
		{"--include-deployment-dir", "is in this directory", i.IncludeDirs, dirs},
		{"--exclude-deployment-dir", "is in this directory", i.ExcludeDirs, dirs},
	} {
		for _, name := range given.names {
			if slices.Contains(given.have, name) {
				continue
			}
			text := fmt.Sprintf("%s %s: no item %s", given.flag, name, given.what)
			if near := yamldoc.Nearest(name, given.have); near != "" {
				text += "; did you mean " + near + "?"
			}
			out = append(out, text)
		}
	}
	return out
}
