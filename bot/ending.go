package bot

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/lock"
)

// An Ending is in a word what became of a target, one of few, for who counts them.
type Ending string

// The endings. A deploy is refused where a condition that is looked at right before the first write was not met; those that are looked at
// before are a [Verdict].
const (
	EndedDeployed  Ending = "deployed"
	EndedPreviewed Ending = "previewed"
	EndedUnchanged Ending = "unchanged"
	EndedRefused   Ending = "refused"
	EndedHeld      Ending = "held" // a merge that waits for a person
	EndedUnreached Ending = "unreached"
	EndedFailed    Ending = "failed"
)

// Ending says what became of the target.
func (f Finding) Ending() Ending {
	switch {
	case errors.As(f.Err, new(*heldError)):
		return EndedHeld
	case errors.As(f.Err, new(*movedError)), errors.As(f.Err, new(*lock.HeldError)), errors.Is(f.Err, diff.ErrStale):
		return EndedRefused
	case errors.As(f.Err, new(*diff.UnreachableError)), f.Set != nil && f.Set.Partial && f.untouched():
		return EndedUnreached
	case f.Err != nil, f.Cause() != nil:
		return EndedFailed
	case f.Set != nil && !f.Set.Changed():
		return EndedUnchanged
	case f.Deploy:
		return EndedDeployed
	}
	return EndedPreviewed
}

// Cause is why not all went well with the target, nil where it did.
func (f Finding) Cause() error {
	if f.Err != nil {
		return f.Err
	}
	if f.Result != nil {
		return f.Result.Err()
	}
	if f.Set == nil {
		return nil
	}
	var errs []error
	for _, c := range f.Set.Failures() {
		err := c.Err
		if !strings.Contains(err.Error(), c.Ref.String()) {
			err = fmt.Errorf("%s: %w", c.Ref, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// untouched says that nothing was written.
func (f Finding) untouched() bool {
	return f.Result == nil || f.Result.Count(apply.Applied)+f.Result.Count(apply.Deleted) == 0
}
