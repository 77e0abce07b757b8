package diff

import (
	"iter"
	"time"

	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/internal/mask"
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
	// Replace is for an object that cannot be changed into what is wanted: it is deleted and created anew. Err is set
	// where that is not allowed.
	Replace Op = "replace"
	// Skip is for what will not be touched although it could be, with a Reason: an orphan while pruning is off, or a hook
	// for another moment.
	Skip Op = "skip"
	// Run is for a hook: it is applied anew, whether it differs from its last run or not.
	Run Op = "run"
	// Await is for an object that the deploy waits for and does not touch.
	Await Op = "await"
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
	// Rendered is a digest over the objects as rendered, whatever the cluster holds: it tells a project that says something else
	// from a cluster that has moved. What chart templates make anew with each render is no part of it. [Compare] leaves it out.
	Rendered string
	// Sources are the trees from elsewhere that the target is made of. They are not part of the digest: a ref that moved
	// without changing what is rendered changes nothing in the cluster.
	Sources []project.Fetched
	// Warnings concern the whole: what could not be looked at.
	Warnings []string
	// Partial says that the cluster did not answer all questions: there may be more than is shown.
	Partial bool
	// Narrow says that the set leaves rendered objects out of account: it is not about all that the target has.
	Narrow bool
	// Unbound says that the set holds secret values that the digest does not bind, for lack of a key.
	Unbound bool
}

// A Stage is what stands between two barriers.
type Stage struct {
	Items   []Item
	Message string
}

// An Item is an entry of a deployment file. Its changes stand in order: what the project deletes, then the objects, hooks
// among them, then what the item only waits for.
type Item struct {
	Dir     string
	Changes []*Change
	// Initial says that nothing of the item is in the cluster yet, which decides what hooks run.
	Initial bool
	// Number is the item's own, and Needs are those of the items that are to be deployed and ready before it.
	Number int
	Needs  []int
	// Waves are those of its objects.
	Waves render.Span
}

// A Change is what would happen to one object. Its exported fields are masked and may be shown.
type Change struct {
	Ref object.Ref
	Op  Op
	// Source is the file that the object was rendered from; "" for an orphan.
	Source string
	// Fields are the differences of an update, sorted by path; of a new object, those from the one that it takes the place of, where
	// the project says which one that is.
	Fields []FieldChange
	// Hidden is how many differing fields ignore rules hide. They are written all the same, and with the values that the digest
	// binds.
	Hidden int
	// Conflicts are the fields that other managers own with another value.
	Conflicts []Conflict
	// Cause says whether it is the change under review that creates or deletes the object; "" where that is not known.
	Cause Cause
	// RenamedFrom is the orphan that a new object resembles, RenamedTo the reverse.
	RenamedFrom, RenamedTo *object.Ref
	// TakenFrom is the owner that the object had so far, where it was another one.
	TakenFrom string
	// Consequences say what else goes when the object is deleted or replaced, and what goes with a change of a
	// CustomResourceDefinition.
	Consequences []string
	// Live is the object as it is, Merged as the apply would leave it, without the server's bookkeeping. Live is nil
	// for a new object; for one that is created, Merged is the object as rendered.
	Live, Merged object.Object
	// Hook is what the object is as a hook; nil for an object that stays.
	Hook *hook.Hook
	// Awaited says that the deploy waits until the object is ready.
	Awaited bool
	// Timeout bounds that wait; zero leaves it to the deploy.
	Timeout time.Duration
	// Reason explains an operation that is not obvious, such as why an object is not simulated.
	Reason string
	// Notes are what is worth knowing and no reason to worry, such as fields that are left to an autoscaler.
	Notes []string
	// Warnings are the API server's, and ours about the object.
	Warnings []string
	// Err is why the dry run failed, or why the object is not replaced.
	Err error

	desired   object.Object
	unsettled []render.Unsettled
	bound     []FieldChange // in the place of Fields for the digest, where the base's rules show more; nil elsewhere
	veiled    []FieldChange // what rules hide of the object as rendered
	unseen    []string      // what rules hide that the base does not have
	rules     project.Rules
	force     bool
	takeover  *Takeover
	left      []managed.Path // fields that rules leave to others
	labelled  bool           // live with our discriminator
	hidden    []object.Path  // not shown, though they need not hold a secret value as it is
	derived   *mask.Set      // what is rendered there, which texts of the server may quote
	opaque    bool           // it is not known which fields depend on secrets
	declared  []object.Path  // fields that depend on what the project declares to be no secret
	late      bool           // its kind may come with what the deploy waits for before
	whole     bool           // is sent as a whole, not as an apply
	removal   bool           // is in the project to be deleted
	orphan    bool
	rendered  bool // is deleted although the target renders it
	mask      *masker
	quotes    map[string]string // texts that may quote values, and what is told in their place where none are shown
	stage     int
	wave      int
	caughtUp  int // how often it was looked at anew
	uid       string
}

// boundFields are the differences that the digest is over: what the rules of the objects themselves show, with and without a base.
func (c *Change) boundFields() []FieldChange {
	if c.bound != nil {
		return c.bound
	}
	return c.Fields
}

// NewCreation is the change of an object that does not exist yet, for callers that know so without a cluster.
func NewCreation(o object.Object) *Change {
	return &Change{Ref: o.Ref(), Op: Create, Merged: comparable(o), desired: wire(o)}
}

// Write is what an apply sends, secret values and all. It is for package apply alone and must not be printed.
func (c *Change) Write() Write {
	return Write{Object: c.desired, Force: c.force, Takeover: c.takeover, Whole: c.whole, Late: c.late}
}

// Mask takes the run's secret values out of an error that the API server gave when the change was carried out.
func (c *Change) Mask(err error) error {
	if err == nil || c.mask == nil {
		return err
	}
	if len(c.hidden) > 0 {
		return refusal(err, func(err error) error { return c.mask.secrets.WordsError(c.derived.Error(err)) }, c.MaskText)
	}
	return c.mask.err(err)
}

// MaskText takes the run's secret values out of a text.
func (c *Change) MaskText(s string) string {
	if c.mask == nil {
		return s
	}
	if len(c.hidden) > 0 {
		return c.mask.secrets.Words(c.derived.Text(s))
	}
	return c.mask.text(s)
}

// UID is the live object's; "" where there is none.
func (c *Change) UID() string { return c.uid }

// Orphan says whether the object is one that the target does not render any more.
func (c *Change) Orphan() bool { return c.orphan && !c.rendered }

// Stage is the number of the stage that the object is deployed in; -1 for one that the target does not render.
func (c *Change) Stage() int {
	if c.desired == nil && !c.rendered {
		return -1
	}
	return c.stage
}

// Wave orders the objects of a stage over all of its items, the lower ones first; see [render.Wave].
func (c *Change) Wave() int { return c.wave }

// Defines is the kind that a CustomResourceDefinition of the project defines.
func (c *Change) Defines() (group, kind string) {
	return c.desired.Text("spec", "group"), c.desired.Text("spec", "names", "kind")
}

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
	Cause  Cause
	// Owner is the manager that owns the live value, if that is not us; Since is when it last changed its fields.
	Owner, Since string
	// Revealed says that an ignore rule hides the field which only the change under review brings.
	Revealed bool
}

// A Cause is why a field or an object changes.
type Cause string

// The causes. The first three need the base's manifests to be told apart.
const (
	// ThisChange is what the change under review does.
	ThisChange Cause = "change"
	// Drift is there already: the cluster is not as the base has it.
	Drift Cause = "drift"
	// ChangeAndDrift is a field that the change sets and that was not as the base has it.
	ChangeAndDrift Cause = "both"
	// Defaulting is the server's completion of what others cause.
	Defaulting Cause = "defaulting"
	// Admission is what a mutating webhook or policy makes of the object.
	Admission Cause = "admission"
	// TakenOver fields were set by a forerunner, and the project does not have them.
	TakenOver Cause = "takeover"
)

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
		switch ch.Op {
		case Create, Update, Delete, Replace, Run:
			return true
		}
	}
	return false
}

// Visible says whether there is a change that ignore rules do not hide. That a hook runs again as it is is none.
func (c *ChangeSet) Visible() bool {
	for ch := range c.All() {
		switch ch.Op {
		case Unchanged, Skip, Await:
		case Update, Run:
			if len(ch.Fields) > 0 {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// Failures are the changes whose dry run failed or that are not allowed.
func (c *ChangeSet) Failures() []*Change {
	var out []*Change
	for ch := range c.All() {
		if ch.Err != nil {
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
