package report

import (
	"encoding/json"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// A Document is a change set, and what became of it, for programs. Its names are stable; those that Kluctl's result has
// too mean the same.
type Document struct {
	Target string `json:"target"`
	// Discriminator marks the target's objects; "" where there is none. Derived says that it is made of the remote.
	Discriminator        string           `json:"discriminator,omitempty"`
	DiscriminatorDerived bool             `json:"discriminatorDerived,omitempty"`
	Sources              []DocumentSource `json:"sources,omitempty"`
	Digest               string           `json:"digest"`
	// Partial says that the cluster did not answer all questions.
	Partial bool `json:"partial,omitempty"`
	// Unbound says that the digest does not bind the values of Secrets.
	Unbound bool `json:"unbound,omitempty"`
	// Stale says that nothing was applied, because the change is not the reviewed one.
	Stale *DocumentStale `json:"stale,omitempty"`
	// Timing is the deploy's; absent for a diff.
	Timing   *DocumentTiming   `json:"timing,omitempty"`
	Objects  []DocumentObject  `json:"objects"`
	Errors   []DocumentMessage `json:"errors"`
	Warnings []DocumentMessage `json:"warnings"`
}

// A DocumentStale names the digest that was reviewed, and the one that the change has now.
type DocumentStale struct {
	Reviewed string `json:"reviewed"`
	Current  string `json:"current"`
}

// NewStaleDocument describes a change set that was not applied, because it is not the one that was reviewed.
func NewStaleDocument(set *diff.ChangeSet, stale *diff.StaleError) Document {
	doc := NewDocument(set, nil)
	doc.Stale = &DocumentStale{Reviewed: stale.Reviewed, Current: stale.Current}
	return doc
}

// A DocumentTiming says when something began and how long it took.
type DocumentTiming struct {
	StartTime time.Time `json:"startTime"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Stages are those between barriers.
	Stages []DocumentTiming `json:"stages,omitempty"`
}

// A DocumentObject is one object of a change set.
type DocumentObject struct {
	Ref     object.Ref `json:"ref"`
	Op      diff.Op    `json:"op"`
	New     bool       `json:"new,omitempty"`
	Orphan  bool       `json:"orphan,omitempty"`
	Deleted bool       `json:"deleted,omitempty"`
	Source  string     `json:"source,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Cause   diff.Cause `json:"cause,omitempty"`
	// RenamedFrom and RenamedTo are the other half of what looks like a rename.
	RenamedFrom *object.Ref `json:"renamedFrom,omitempty"`
	RenamedTo   *object.Ref `json:"renamedTo,omitempty"`
	// TakenFrom is whose the object was.
	TakenFrom    string   `json:"takenFrom,omitempty"`
	Consequences []string `json:"consequences,omitempty"`
	Notes        []string `json:"notes,omitempty"`
	// Hidden is how many differing fields ignore rules hide.
	Hidden int `json:"hidden,omitempty"`
	// Status is what became of the object; "" for a diff.
	Status apply.Status `json:"status,omitempty"`
	// Hook says that the object is a hook, and HookDeleted that it was deleted after it had run.
	Hook        bool `json:"hook,omitempty"`
	HookDeleted bool `json:"hookDeleted,omitempty"`
	// WaitedSeconds is for how long it was waited for.
	WaitedSeconds float64            `json:"waitedSeconds,omitempty"`
	Changes       []DocumentChange   `json:"changes,omitempty"`
	Conflicts     []DocumentConflict `json:"conflicts,omitempty"`
}

// A DocumentChange is one differing field.
type DocumentChange struct {
	Type     diff.FieldOp `json:"type"`
	Path     string       `json:"path"`
	JSONPath string       `json:"jsonPath"`
	OldValue any          `json:"oldValue,omitempty"`
	NewValue any          `json:"newValue,omitempty"`
	Cause    diff.Cause   `json:"cause,omitempty"`
	// Owner is the manager of the live value, if that is not us, and Since when it last changed its fields.
	Owner string `json:"owner,omitempty"`
	Since string `json:"since,omitempty"`
}

// A DocumentConflict is a field that another manager owns with another value.
type DocumentConflict struct {
	Path       string          `json:"path"`
	JSONPath   string          `json:"jsonPath"`
	Manager    string          `json:"manager"`
	Since      string          `json:"since,omitempty"`
	OurValue   any             `json:"ourValue,omitempty"`
	TheirValue any             `json:"theirValue,omitempty"`
	Resolution diff.Resolution `json:"resolution"`
}

// A DocumentMessage is an error or a warning, about an object if Ref is there.
type DocumentMessage struct {
	Ref     *object.Ref `json:"ref,omitempty"`
	Message string      `json:"message"`
}

// NewDocument describes a change set; result may be nil.
func NewDocument(set *diff.ChangeSet, result *apply.Result) Document {
	doc := Document{
		Target: set.Target.Name, Digest: set.Digest, Partial: set.Partial, Unbound: set.Unbound,
		Objects: []DocumentObject{}, Errors: []DocumentMessage{}, Warnings: []DocumentMessage{},
	}
	doc.Discriminator, doc.DiscriminatorDerived, doc.Sources = set.Target.Discriminator, set.Target.Derived, documentSources(set)
	if result != nil {
		timing := documentTiming(result.Timing)
		for _, s := range result.Stages {
			timing.Stages = append(timing.Stages, documentTiming(s))
		}
		doc.Timing = &timing
	}
	for _, w := range set.Warnings {
		doc.Warnings = append(doc.Warnings, DocumentMessage{Message: w})
	}
	var failures []failure
	i := 0
	for c := range set.All() {
		o := documentObject(c)
		err, warnings := c.Err, c.Warnings
		if result != nil {
			out := result.Outcomes[i]
			o.Status, err = out.Status, out.Err
			o.HookDeleted, o.WaitedSeconds = out.Removed, seconds(out.Waited)
			warnings = append(warnings[:len(warnings):len(warnings)], out.Warnings...)
		}
		i++
		doc.Objects = append(doc.Objects, o)
		seen := map[string]bool{}
		for _, w := range warnings {
			if !seen[w] {
				doc.Warnings = append(doc.Warnings, DocumentMessage{Ref: &c.Ref, Message: w})
			}
			seen[w] = true
		}
		if err != nil {
			failures = append(failures, failure{c.Ref, err})
		}
	}
	for _, f := range grouped(failures) {
		doc.Errors = append(doc.Errors, f.message())
	}
	return doc
}

func documentTiming(t apply.Timing) DocumentTiming {
	return DocumentTiming{StartTime: t.Began.UTC(), Seconds: seconds(t.Took)}
}

// seconds rounds to milliseconds: more would only be noise.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func documentObject(c *diff.Change) DocumentObject {
	o := DocumentObject{
		Ref: c.Ref, Op: c.Op, New: c.Op == diff.Create, Orphan: c.Orphan(), Deleted: c.Op == diff.Delete, Source: c.Source,
		Reason: c.Reason, Cause: c.Cause, RenamedFrom: c.RenamedFrom, RenamedTo: c.RenamedTo, TakenFrom: c.TakenFrom,
		Consequences: c.Consequences, Notes: c.Notes, Hidden: c.Hidden, Hook: c.Hook != nil,
	}
	for _, f := range c.Fields {
		o.Changes = append(o.Changes, documentChange(f))
	}
	for _, f := range c.Conflicts {
		o.Conflicts = append(o.Conflicts, DocumentConflict{
			Path: f.Path.String(), JSONPath: f.Path.JSONPath(), Manager: f.Manager, Since: f.Since,
			OurValue: shown(f.Ours, f.Secret), TheirValue: shown(f.Theirs, f.Secret), Resolution: f.Resolution,
		})
	}
	return o
}

func shown(v any, secret bool) any {
	if secret {
		return diff.Hidden
	}
	return v
}

func documentChange(f diff.FieldChange) DocumentChange {
	out := DocumentChange{Type: f.Op, Path: f.Path.String(), JSONPath: f.Path.JSONPath(), OldValue: f.Old, NewValue: f.New, Cause: f.Cause, Owner: f.Owner, Since: f.Since}
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
