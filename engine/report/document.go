package report

import (
	"encoding/json"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// A Document is a change set, and what became of it, for programs. Its names are stable; those that Kluctl's result has
// too mean the same.
type Document struct {
	Target   string            `json:"target"`
	Digest   string            `json:"digest"`
	Objects  []DocumentObject  `json:"objects"`
	Errors   []DocumentMessage `json:"errors"`
	Warnings []DocumentMessage `json:"warnings"`
}

// A DocumentObject is one object of a change set.
type DocumentObject struct {
	Ref    object.Ref `json:"ref"`
	Op     diff.Op    `json:"op"`
	New    bool       `json:"new,omitempty"`
	Orphan bool       `json:"orphan,omitempty"`
	Source string     `json:"source,omitempty"`
	Reason string     `json:"reason,omitempty"`
	// Status is what became of the object; "" for a diff.
	Status  apply.Status     `json:"status,omitempty"`
	Changes []DocumentChange `json:"changes,omitempty"`
}

// A DocumentChange is one differing field.
type DocumentChange struct {
	Type     diff.FieldOp `json:"type"`
	Path     string       `json:"path"`
	JSONPath string       `json:"jsonPath"`
	OldValue any          `json:"oldValue,omitempty"`
	NewValue any          `json:"newValue,omitempty"`
}

// A DocumentMessage is an error or a warning, about an object if Ref is there.
type DocumentMessage struct {
	Ref     *object.Ref `json:"ref,omitempty"`
	Message string      `json:"message"`
}

// NewDocument describes a change set; result may be nil.
func NewDocument(set *diff.ChangeSet, result *apply.Result) Document {
	doc := Document{Target: set.Target.Name, Digest: set.Digest, Objects: []DocumentObject{}, Errors: []DocumentMessage{}, Warnings: []DocumentMessage{}}
	for _, w := range set.Warnings {
		doc.Warnings = append(doc.Warnings, DocumentMessage{Message: w})
	}
	i := 0
	for c := range set.All() {
		o := DocumentObject{Ref: c.Ref, Op: c.Op, New: c.Op == diff.Create, Orphan: c.Orphan(), Source: c.Source, Reason: c.Reason}
		err, warnings := c.Err, c.Warnings
		if result != nil {
			out := result.Outcomes[i]
			o.Status, err = out.Status, out.Err
			warnings = append(warnings[:len(warnings):len(warnings)], out.Warnings...)
		}
		i++
		for _, f := range c.Fields {
			o.Changes = append(o.Changes, documentChange(f))
		}
		doc.Objects = append(doc.Objects, o)
		seen := map[string]bool{}
		for _, w := range warnings {
			if !seen[w] {
				doc.Warnings = append(doc.Warnings, DocumentMessage{Ref: &c.Ref, Message: w})
			}
			seen[w] = true
		}
		if err != nil {
			doc.Errors = append(doc.Errors, DocumentMessage{Ref: &c.Ref, Message: err.Error()})
		}
	}
	return doc
}

func documentChange(f diff.FieldChange) DocumentChange {
	out := DocumentChange{Type: f.Op, Path: f.Path.String(), JSONPath: f.Path.JSONPath(), OldValue: f.Old, NewValue: f.New}
	if f.Secret {
		if f.Op != diff.Insert {
			out.OldValue = diff.Hidden
		}
		if f.Op != diff.Remove {
			out.NewValue = diff.Hidden
		}
	}
	return out
}

// JSON prints the document as indented JSON with a final newline.
func (d Document) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	return append(data, '\n'), err
}

// YAML prints the document as YAML.
func (d Document) YAML() ([]byte, error) { return yaml.Marshal(d) }
