package project

import (
	"encoding/json"
	"errors"
	"regexp"
)

// An ObjectRef names an object that need not be part of the project.
type ObjectRef struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Check finds a reference that names too little.
func (r *ObjectRef) Check(fail func(key, format string, args ...any)) {
	if r.Name == "" {
		fail("", "needs a name")
	}
	if r.Group == "" && r.Kind == "" {
		fail("", "needs group or kind")
	}
}

// An IgnoreRule names fields whose differences are not shown (project format §2.7). Empty filters match all objects.
type IgnoreRule struct {
	FieldPath      stringList `json:"fieldPath"`
	FieldPathRegex stringList `json:"fieldPathRegex"`
	Group          string     `json:"group"`
	Kind           string     `json:"kind"`
	Name           string     `json:"name"`
	Namespace      string     `json:"namespace"`
}

// Check finds a rule that names no field.
func (r *IgnoreRule) Check(fail func(key, format string, args ...any)) {
	if len(r.FieldPath)+len(r.FieldPathRegex) == 0 {
		fail("", "needs fieldPath or fieldPathRegex")
	}
	r.FieldPathRegex.checkRegexes("fieldPathRegex", fail)
}

// A ConflictRule says what happens where another field manager owns a field that the project sets (project format §2.7).
type ConflictRule struct {
	FieldPath      stringList `json:"fieldPath"`
	FieldPathRegex stringList `json:"fieldPathRegex"`
	Manager        stringList `json:"manager"`
	Action         string     `json:"action"`
	Group          string     `json:"group"`
	Kind           string     `json:"kind"`
	Name           string     `json:"name"`
	Namespace      string     `json:"namespace"`
}

// Check finds a rule that names no field, or no action.
func (r *ConflictRule) Check(fail func(key, format string, args ...any)) {
	if len(r.FieldPath)+len(r.FieldPathRegex)+len(r.Manager) == 0 {
		fail("", "needs fieldPath, fieldPathRegex or manager")
	}
	switch r.Action {
	case "ignore", "force-apply":
	case "":
		fail("action", "is required: ignore or force-apply")
	default:
		fail("action", "found %q, expected ignore or force-apply", r.Action)
	}
	r.FieldPathRegex.checkRegexes("fieldPathRegex", fail)
	r.Manager.checkRegexes("manager", fail)
}

// stringList is one text or a list of them.
type stringList []string

// UnmarshalJSON takes a text or a list of texts.
func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = stringList{one}
		return nil
	}
	var many []string
	if json.Unmarshal(data, &many) != nil {
		return errors.New("expected text or a list of texts")
	}
	*l = many
	return nil
}

func (l stringList) checkRegexes(key string, fail func(key, format string, args ...any)) {
	for _, s := range l {
		if _, err := regexp.Compile(s); err != nil {
			fail(key, "%v", err)
		}
	}
}
