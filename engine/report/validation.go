package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/validate"
)

// A ValidationDocument is what a validation found, for programs. The names that Kluctl's has too mean the same.
type ValidationDocument struct {
	Target   string              `json:"target"`
	Ready    bool                `json:"ready"`
	Looked   int                 `json:"objects"`
	Errors   []DocumentMessage   `json:"errors"`
	Warnings []DocumentMessage   `json:"warnings"`
	Results  []ValidationMessage `json:"results"`
}

// A ValidationMessage is what a controller wrote about an object.
type ValidationMessage struct {
	DocumentMessage `json:",inline"`
	Annotation      string `json:"annotation"`
}

// NewValidationDocument describes what a validation found.
func NewValidationDocument(r *validate.Result) ValidationDocument {
	doc := ValidationDocument{
		Target: r.Target.Name, Ready: r.Ready(), Looked: r.Looked,
		Errors: []DocumentMessage{}, Warnings: []DocumentMessage{}, Results: []ValidationMessage{},
	}
	for _, f := range r.Problems {
		doc.Errors = append(doc.Errors, DocumentMessage{Ref: &f.Ref, Message: f.Message})
	}
	for _, w := range r.Warnings {
		doc.Warnings = append(doc.Warnings, DocumentMessage{Message: w})
	}
	for _, f := range r.Told {
		doc.Results = append(doc.Results, ValidationMessage{DocumentMessage{Ref: &f.Ref, Message: f.Message}, f.Annotation})
	}
	return doc
}

// Text words the document for a terminal.
func (d ValidationDocument) Text() string {
	t := text{}
	var told []DocumentMessage
	for _, r := range d.Results {
		told = append(told, DocumentMessage{Ref: r.Ref, Message: strings.TrimPrefix(r.Annotation, "validate-result.kluctl.io/") + ": " + r.Message})
	}
	t.messages("Told by controllers", told)
	t.messages("Warnings", d.Warnings)
	t.messages("Errors", d.Errors)
	if d.Ready {
		fmt.Fprintf(&t.b, "Validation succeeded: %s ready\n", count(d.Looked, "object is", "objects are"))
	} else {
		fmt.Fprintf(&t.b, "Validation failed: %d of %s not as they should be\n", len(d.Errors), count(d.Looked, "object is", "objects are"))
	}
	return t.b.String()
}

// JSON prints the document as indented JSON with a final newline.
func (d ValidationDocument) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	return append(data, '\n'), err
}

// YAML prints the document as YAML.
func (d ValidationDocument) YAML() ([]byte, error) { return yaml.Marshal(d) }
