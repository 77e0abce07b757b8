package project

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

var argumentForm = regexp.MustCompile(`^([a-zA-Z0-9_./-]+)=((?s).*)$`)

// ParseArgs reads arguments as people give them, name=value: dots in the name nest, and the value is read as YAML, so
// that true is a boolean and '1' a text (project format §1.2). @file takes the value from a file, \@ begins a text with @.
// Later ones win over earlier ones.
func ParseArgs(list []string, readFile func(name string) ([]byte, error)) (map[string]any, error) {
	args := map[string]any{}
	var errs []error
	for _, a := range list {
		m := argumentForm.FindStringSubmatch(a)
		if m == nil {
			errs = append(errs, fmt.Errorf("argument %q: expected name=value", a))
			continue
		}
		v, err := argumentValue(m[1], m[2], readFile)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		one := map[string]any{}
		setDotted(one, m[1], v)
		merge(args, one)
	}
	return args, errors.Join(errs...)
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
