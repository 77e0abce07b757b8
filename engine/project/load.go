package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// loadVars loads variable sources in order into vars. Each entry's own strings are rendered with what is loaded so far
// (project format §6).
func (p *Project) loadVars(ctx context.Context, tpl *Templates, entries []varsEntry, vars Vars, at string) error {
	for i, e := range entries {
		at := fmt.Sprintf("%s[%d]", at, i)
		if e.When != nil {
			if ok, err := tpl.Condition(ctx, at+".when", string(*e.When), vars); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		loaded, err := p.loadEntry(ctx, tpl, e, vars, at)
		if err != nil {
			return err
		}
		if e.NoOverride {
			mergeUnder(vars, loaded)
		} else {
			merge(vars, loaded)
		}
	}
	return nil
}

func (p *Project) loadEntry(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (map[string]any, error) {
	switch {
	case e.Values != nil && e.File != "":
		return nil, fmt.Errorf("%s: has both values and file; an entry takes one of them", at)
	case e.Values != nil:
		v, _, err := tpl.values(ctx, at+".values", e.Values, vars)
		if err != nil {
			return nil, err
		}
		m, _ := v.(map[string]any)
		return m, nil
	case e.File != "":
		return p.loadFile(ctx, tpl, e, vars, at)
	default:
		return nil, fmt.Errorf("%s: names no source; it needs values or file", at)
	}
}

func (p *Project) loadFile(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (map[string]any, error) {
	rel, err := tpl.Text(ctx, at+".file", e.File, vars)
	if err != nil {
		return nil, err
	}
	name, err := tpl.find(rel)
	if errors.Is(err, fs.ErrNotExist) && e.IgnoreMissing {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s.file: %w", at, err)
	}
	data, err := tpl.File(ctx, name, vars)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := yamldoc.Decode(name, data, &m); err != nil {
		return nil, err
	}
	return m, nil
}
