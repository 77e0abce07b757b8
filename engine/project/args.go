package project

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

var argumentForm = regexp.MustCompile(`^([a-zA-Z0-9_./-]+)=((?s).*)$`)

// ParseArgs reads arguments as people give them, name=value: dots in the name nest, and the value is read as YAML, so
// that true is a boolean and '1' a text (project format §1.2). Later ones win over earlier ones.
func ParseArgs(list []string) (map[string]any, error) {
	args := map[string]any{}
	var errs []error
	for _, a := range list {
		m := argumentForm.FindStringSubmatch(a)
		if m == nil {
			errs = append(errs, fmt.Errorf("argument %q: expected name=value", a))
			continue
		}
		v, err := yamldoc.Value("argument "+m[1], []byte(m[2]))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		one := map[string]any{}
		setDotted(one, m[1], object.Normalize(v))
		merge(args, one)
	}
	return args, errors.Join(errs...)
}
