package project

import (
	"encoding/json"
	"errors"
	"fmt"
)

// config is .kluctl.yaml (project format §1).
type config struct {
	Targets       []targetConfig `json:"targets"`
	Args          []argument     `json:"args"`
	Discriminator string         `json:"discriminator"`
	AWS           *awsConfig     `json:"aws"`
}

type targetConfig struct {
	Name          string         `json:"name"`
	Context       string         `json:"context"`
	Args          map[string]any `json:"args"`
	AWS           *awsConfig     `json:"aws"`
	Images        []FixedImage   `json:"images"`
	Discriminator string         `json:"discriminator"`
}

// awsConfig says as whom AWS is asked (project format §1).
type awsConfig struct {
	Profile        string `json:"profile"`
	ServiceAccount *struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"serviceAccount"`
}

// argument declares an argument; without a default it is required.
type argument struct {
	Name    string          `json:"name"`
	Default json.RawMessage `json:"default"` // nil: none, which is not the same as null
}

// libraryConfig is .kluctl-library.yaml: an included project that has one sees its own arguments and no variables of
// others (project format §1.4, §2.4).
type libraryConfig struct {
	Args []argument `json:"args"`
}

// deploymentFile is deployment.yaml (project format §2).
type deploymentFile struct {
	Vars               []varsEntry       `json:"vars"`
	When               *condition        `json:"when"`
	Deployments        []itemEntry       `json:"deployments"`
	CommonLabels       map[string]scalar `json:"commonLabels"`
	CommonAnnotations  map[string]scalar `json:"commonAnnotations"`
	OverrideNamespace  string            `json:"overrideNamespace"`
	Tags               []string          `json:"tags"`
	IgnoreForDiff      []IgnoreRule      `json:"ignoreForDiff"`
	ConflictResolution []ConflictRule    `json:"conflictResolution"`
}

// check finds what decoding cannot.
func (d *deploymentFile) check(file string) error {
	var errs []error
	for i, r := range d.IgnoreForDiff {
		if len(r.FieldPath)+len(r.FieldPathRegex) == 0 {
			errs = append(errs, fmt.Errorf("%s: ignoreForDiff[%d]: needs fieldPath or fieldPathRegex", file, i))
		}
	}
	for i, r := range d.ConflictResolution {
		if len(r.FieldPath)+len(r.FieldPathRegex)+len(r.Manager) == 0 {
			errs = append(errs, fmt.Errorf("%s: conflictResolution[%d]: needs fieldPath, fieldPathRegex or manager", file, i))
		}
		if r.Action != "ignore" && r.Action != "force-apply" {
			errs = append(errs, fmt.Errorf("%s: conflictResolution[%d].action: found %q, expected ignore or force-apply", file, i, r.Action))
		}
	}
	return errors.Join(errs...)
}

// itemEntry is one entry of deployments (project format §2.1).
type itemEntry struct {
	Path                 string         `json:"path"`
	Include              string         `json:"include"`
	Barrier              bool           `json:"barrier"`
	Message              string         `json:"message"`
	Recursive            bool           `json:"recursive"`
	WaitReadiness        bool           `json:"waitReadiness"`
	WaitReadinessObjects []ObjectRef    `json:"waitReadinessObjects"`
	DeleteObjects        []ObjectRef    `json:"deleteObjects"`
	Args                 map[string]any `json:"args"`
	PassVars             bool           `json:"passVars"`
	Vars                 []varsEntry    `json:"vars"`
	Tags                 []string       `json:"tags"`
	SkipDeleteIfTags     bool           `json:"skipDeleteIfTags"`
	OnlyRender           bool           `json:"onlyRender"`
	AlwaysDeploy         bool           `json:"alwaysDeploy"`
	When                 *condition     `json:"when"`
}

// check finds what does not go together.
func (e *itemEntry) check(at string) error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
		}
	}
	refuse(e.Path != "" && e.Include != "", "has both path and include; an entry takes one of them")
	refuse(e.Path == "" && e.Include == "" && !e.Barrier && len(e.DeleteObjects)+len(e.WaitReadinessObjects) == 0,
		"does nothing; it needs path, include, barrier, deleteObjects or waitReadinessObjects")
	refuse(e.Recursive && e.Path == "", "recursive goes only with path")
	refuse(e.WaitReadiness && e.Path == "", "waitReadiness goes only with path")
	refuse(e.Args != nil && e.Include == "", "args go only with include")
	refuse(e.PassVars && e.Include == "", "passVars goes only with include")
	refuse(e.Message != "" && !e.Barrier, "message goes only with barrier")
	for list, refs := range map[string][]ObjectRef{"deleteObjects": e.DeleteObjects, "waitReadinessObjects": e.WaitReadinessObjects} {
		for i, r := range refs {
			refuse(r.Name == "", "%s[%d]: needs a name", list, i)
			refuse(r.Group == "" && r.Kind == "", "%s[%d]: needs group or kind", list, i)
		}
	}
	return errors.Join(errs...)
}

// varsEntry is one variable source (project format §6).
type varsEntry struct {
	Values        map[string]any `json:"values"`
	File          string         `json:"file"`
	SystemEnvVars any            `json:"systemEnvVars"`
	When          *condition     `json:"when"`
	IgnoreMissing bool           `json:"ignoreMissing"`
	NoOverride    bool           `json:"noOverride"`
	Multidoc      bool           `json:"multidoc"`
	TargetPath    string         `json:"targetPath"`
}

// condition is a `when` expression; YAML authors also write a plain boolean.
type condition string

// UnmarshalJSON takes a string or a boolean.
func (c *condition) UnmarshalJSON(data []byte) error {
	var s scalar
	if err := s.UnmarshalJSON(data); err != nil {
		return err
	}
	*c = condition(s)
	return nil
}
