package project

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

var argumentForm = regexp.MustCompile(`^([a-zA-Z0-9_./-]+)=((?s).*)$`)

// ParseArgs reads arguments as people give them, name=value: dots in the name nest, and the value is read as YAML, so
// that true is a boolean and '1' a text (project format §1.2). @file takes the value from a file, \@ begins a text with @.
// Merged in order, the layers are the arguments: later ones win over earlier ones.
func ParseArgs(list []string, readFile func(name string) ([]byte, error)) ([]*Layer, error) {
	var layers []*Layer
	var errs []error
	for _, a := range list {
		m := argumentForm.FindStringSubmatch(a)
		if m == nil || slices.Contains(strings.Split(m[1], "."), "") {
			errs = append(errs, fmt.Errorf("argument %q: expected name=value, where dots in the name nest", a))
			continue
		}
		v, err := argumentValue(m[1], m[2], readFile)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		layer := &Layer{Origin: "--arg " + m[1], Values: map[string]any{}}
		setDotted(layer.Values, m[1], v)
		layers = append(layers, layer)
	}
	return layers, errors.Join(errs...)
}

// ReadArgs reads a YAML file of arguments or variables.
func ReadArgs(file string, data []byte) (*Layer, error) {
	layer := &Layer{Origin: file}
	return layer, yamldoc.Decode(file, data, &layer.Values)
}

// Merged are the variables that layers make.
func Merged(layers []*Layer) Vars {
	vars := Vars{}
	for _, l := range layers {
		if l.Under {
			mergeUnder(vars, l.Values)
		} else {
			merge(vars, l.Values)
		}
	}
	return vars
}

func argumentValue(name, text string, readFile func(string) ([]byte, error)) (any, error) {
	if rest, ok := strings.CutPrefix(text, `\@`); ok {
		return "@" + rest, nil
	}
	display, data := "argument "+name, []byte(text)
	if file, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if data, err = readFile(file); err != nil {
			return nil, fmt.Errorf("argument %s: %w", name, err)
		}
		display = file
	}
	v, err := yamldoc.Value(display, data)
	return object.Normalize(v), err
}
