package project

import "slices"

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
