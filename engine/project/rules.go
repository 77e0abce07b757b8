package project

import (
	"encoding/json"
	"errors"
)

// An ObjectRef names an object that need not be part of the project.
type ObjectRef struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
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
