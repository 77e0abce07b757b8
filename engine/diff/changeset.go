package diff

import (
	"iter"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// An Op is what an apply would do to an object.
type Op string

// The operations.
const (
	Create    Op = "create"
	Update    Op = "update"
	Delete    Op = "delete"
	Unchanged Op = "unchanged"
	// Skip is for what will not be touched although it could be, with a Reason: an orphan while pruning is off.
	Skip Op = "skip"
	// Failed is for an object whose dry run failed: Err says why, and nothing is known of what an apply would do.
	Failed Op = "failed"
)

// A ChangeSet is all that an apply of a target would do.
type ChangeSet struct {
	Target project.Target
	// Stages mirror those of the rendered manifests.
	Stages []Stage
	// Orphans are live objects of this target that it does not render any more.
	Orphans []*Change
	// Digest is over what a reviewer sees: references, operations, paths and values. It is equal for equal content, on
	// every run and machine.
	Digest string
	// Warnings concern the whole: what could not be looked at.
	Warnings []string
}

// A Stage is what stands between two barriers.
type Stage struct {
	Items   []Item
	Message string
}

// An Item is an entry of a deployment file; its changes are applied in order.
type Item struct {
	Dir     string
	Changes []*Change
}

// A Change is what would happen to one object. Its exported fields are masked and may be shown.
type Change struct {
	Ref object.Ref
	Op  Op
	// Source is the file that the object was rendered from; "" for an orphan.
	Source string
	// Fields are the differences of an update, sorted by path.
	Fields []FieldChange
	// Live is the object as it is, Merged as the apply would leave it, without the server's bookkeeping. Live is nil
	// for a new object; for one that is created, Merged is the object as rendered.
	Live, Merged object.Object
	// Reason explains an operation that is not obvious, such as why an object is not simulated.
	Reason string
	// Warnings are the API server's.
	Warnings []string
	// Err is why the dry run failed.
	Err error

	desired   object.Object
	unsettled []render.Unsettled
	mask      *masker
	stage     int
}

// NewCreation is the change of an object that does not exist yet, for callers that know so without a cluster.
func NewCreation(o object.Object) *Change {
	return &Change{Ref: o.Ref(), Op: Create, Merged: comparable(o), desired: wire(o)}
}

// Desired is the object to send, secret values and all. It is for package apply alone and must not be printed.
func (c *Change) Desired() object.Object { return c.desired }

// Mask takes the run's secret values out of an error that the API server gave when the change was carried out.
func (c *Change) Mask(err error) error {
	if err == nil || c.mask == nil {
		return err
	}
	return c.mask.err(err)
}

// MaskText takes the run's secret values out of a text.
func (c *Change) MaskText(s string) string {
	if c.mask == nil {
		return s
	}
	return c.mask.text(s)
}

// Orphan says whether the object is one that the target does not render any more.
func (c *Change) Orphan() bool { return c.desired == nil }

// A FieldOp is how a field changes.
type FieldOp string

// The ways that a field changes. Reorder is for the elements of a list that stay what they are and change places.
const (
	Insert  FieldOp = "insert"
	Modify  FieldOp = "update"
	Remove  FieldOp = "delete"
	Reorder FieldOp = "reorder"
)

// A FieldChange is one differing field.
type FieldChange struct {
	Op   FieldOp
	Path object.Path
	// Old and New are the values; where Secret is set they are not there.
	Old, New any
	// Secret says that the values must not be shown.
	Secret bool
}

// All yields the changes of all stages in order, then the orphans.
func (c *ChangeSet) All() iter.Seq[*Change] {
	return func(yield func(*Change) bool) {
		for _, s := range c.Stages {
			for _, i := range s.Items {
				for _, ch := range i.Changes {
					if !yield(ch) {
						return
					}
				}
			}
		}
		for _, ch := range c.Orphans {
			if !yield(ch) {
				return
			}
		}
	}
}

// Changed says whether an apply would write anything.
func (c *ChangeSet) Changed() bool {
	for ch := range c.All() {
		if ch.Op == Create || ch.Op == Update || ch.Op == Delete {
			return true
		}
	}
	return false
}

// Failures are the changes whose dry run failed.
func (c *ChangeSet) Failures() []*Change {
	var out []*Change
	for ch := range c.All() {
		if ch.Op == Failed {
			out = append(out, ch)
		}
	}
	return out
}

// Count is the number of changes with the given operation.
func (c *ChangeSet) Count(op Op) int {
	n := 0
	for ch := range c.All() {
		if ch.Op == op {
			n++
		}
	}
	return n
}
