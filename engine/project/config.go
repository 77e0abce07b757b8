package project

import "encoding/json"

// config is .kluctl.yaml (project format §1).
type config struct {
	Targets       []targetConfig `json:"targets"`
	Args          []argument     `json:"args"`
	Discriminator string         `json:"discriminator"`
}

type targetConfig struct {
	Name          string         `json:"name"`
	Context       string         `json:"context"`
	Args          map[string]any `json:"args"`
	Discriminator string         `json:"discriminator"`
}

// argument declares an argument; without a default it is required.
type argument struct {
	Name    string          `json:"name"`
	Default json.RawMessage `json:"default"` // nil: none, which is not the same as null
}

// deploymentFile is deployment.yaml (project format §2).
type deploymentFile struct {
	Vars              []varsEntry       `json:"vars"`
	When              *condition        `json:"when"`
	Deployments       []itemEntry       `json:"deployments"`
	CommonLabels      map[string]scalar `json:"commonLabels"`
	CommonAnnotations map[string]scalar `json:"commonAnnotations"`
	OverrideNamespace string            `json:"overrideNamespace"`
	Tags              []string          `json:"tags"`
}

// itemEntry is one entry of deployments (project format §2.1).
type itemEntry struct {
	Path      string      `json:"path"`
	Include   string      `json:"include"`
	Barrier   bool        `json:"barrier"`
	Message   string      `json:"message"`
	Recursive bool        `json:"recursive"`
	Vars      []varsEntry `json:"vars"`
	Tags      []string    `json:"tags"`
	When      *condition  `json:"when"`
}

// varsEntry is one variable source (project format §6).
type varsEntry struct {
	Values        map[string]any `json:"values"`
	File          string         `json:"file"`
	When          *condition     `json:"when"`
	IgnoreMissing bool           `json:"ignoreMissing"`
	NoOverride    bool           `json:"noOverride"`
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
