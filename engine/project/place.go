package project

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// place is where something stands in a file that a template gave, for messages.
type place struct {
	file rendered
	doc  yamldoc.Document
	// lines of the template; a file of many entries asks for each of them.
	lines func() yamldoc.Lines
	path  []string
}

// rendered is a file of the project, and what its templates gave.
type rendered struct {
	name           string // as displayed
	template, text []byte
}

func (p place) key(name string) place {
	p.path = append(p.path[:len(p.path):len(p.path)], name)
	return p
}

func (p place) index(i int) place { return p.key(strconv.Itoa(i)) }

// String is "file:line: path", with the line of the file as it is on disk.
func (p place) String() string {
	if p.lines == nil {
		return p.file.name
	}
	var e *yamldoc.Error
	if !errors.As(p.lines().Relocate(p.doc.Errorf(p.path, "")), &e) {
		return p.file.name
	}
	return e.At()
}

// render renders a document of the source. Templates are known by their braces, which UTF-16 writes otherwise.
func (t *Templates) render(ctx context.Context, name string, vars Vars) (rendered, error) {
	data, err := t.source.Read(name)
	if err != nil {
		return rendered{}, err
	}
	if data, err = yamldoc.UTF8(data); err != nil {
		return rendered{}, fmt.Errorf("%s: %w", t.source.Display(name), err)
	}
	return t.renderText(ctx, name, data, vars)
}

func (t *Templates) renderText(ctx context.Context, name string, data []byte, vars Vars) (rendered, error) {
	out, err := t.Text(ctx, name, string(data), vars)
	if err != nil && t.source.label != "" {
		err = fmt.Errorf("%s: %w", t.source.label, err)
	}
	return rendered{name: t.source.Display(name), template: data, text: []byte(out)}, err
}

// read renders a file and decodes what comes of it. The place is that of the whole document.
func (t *Templates) read(ctx context.Context, name string, vars Vars, out any) (place, error) {
	f, err := t.render(ctx, name, vars)
	if err != nil {
		return place{}, err
	}
	doc, err := yamldoc.Read(f.name, f.text, out)
	lines := sync.OnceValue(func() yamldoc.Lines { return yamldoc.NewLines(f.template, f.text) })
	if err != nil {
		err = lines().Relocate(err)
	}
	return place{file: f, doc: doc, lines: lines}, err
}
