package apply

import (
	"errors"
	"fmt"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// A Status is what became of a change.
type Status string

// The states of an outcome.
const (
	Applied   Status = "applied"
	Deleted   Status = "deleted"
	Unchanged Status = "unchanged"
	// Ran is for a hook that was applied, and waited for where that was asked for.
	Ran Status = "ran"
	// Ready is for what was only waited for.
	Ready Status = "ready"
	// NotReady is for what was carried out and did not become ready.
	NotReady Status = "not ready"
	// Skipped is for what was not to be touched; the change's reason says why.
	Skipped Status = "skipped"
	Failed  Status = "failed"
	// NotTried is for what an earlier failure or an interruption kept from being begun.
	NotTried Status = "not tried"
)

// An Outcome is what became of one change.
type Outcome struct {
	Ref    object.Ref
	Op     diff.Op
	Status Status
	// Err is the cause of a failure, or of not having been tried.
	Err      error
	Warnings []string
	// Removed says that a hook was deleted after it had run.
	Removed bool
	// Waited is how long it was waited for.
	Waited time.Duration
}

// A Timing is when something began, and how long it took.
type Timing struct {
	Began time.Time
	Took  time.Duration
}

// A Result is what became of a change set.
type Result struct {
	Target project.Target
	Digest string
	// Outcomes stand in the order of the change set.
	Outcomes []Outcome
	// Timing is the whole run's, Stages are those of the change set's stages that were begun.
	Timing Timing
	Stages []Timing
}

// Count is the number of outcomes with the given status.
func (r *Result) Count(s Status) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Status == s {
			n++
		}
	}
	return n
}

// Err joins the errors of all failed outcomes; nil when everything that was to be done is done.
func (r *Result) Err() error {
	var errs []error
	for _, o := range r.Outcomes {
		if o.Status == Failed || o.Status == NotReady {
			errs = append(errs, o.Err)
		}
	}
	if n := r.Count(NotTried); n > 0 {
		errs = append(errs, fmt.Errorf("not tried: %d of %d objects", n, len(r.Outcomes)))
	}
	return errors.Join(errs...)
}
