package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Namespace is where the records are kept in the target's cluster, unless it is configured otherwise.
const Namespace = "weighlock"

// A Record is a lock as the cluster has it.
type Record struct {
	// Target is the target's name, for people; Discriminator is what is locked.
	Target, Discriminator string
	// Holder is who has it, such as a user, or a CI job's address.
	Holder string
	// Why says what for, such as "deploy of 1a2b3c4".
	Why string
	// Hold is for a lock that a person has put on the target; else it is that of a run.
	Hold bool
	// Since is when it was acquired, Renewed when its holder was last known to live.
	Since, Renewed time.Time
	// Duration is for how long after Renewed a run's lock stands. A hold has none: it does not expire.
	Duration time.Duration
	// Version is the stored record's version, for writes that must not overtake another's. It is empty for a new one.
	Version string
}

// Name is the name under which the record is kept: a hash of the discriminator, because that may hold what a name may not.
func (r Record) Name() string {
	sum := sha256.Sum256([]byte(r.Discriminator))
	name := "target-" + hex.EncodeToString(sum[:10])
	if r.Hold {
		return name + "-hold"
	}
	return name
}

// Expired says whether the holder of a run's lock seems to have given no sign of life for too long: by this clock, which
// may differ from the holder's. A sign from too far in the future is none.
func (r Record) Expired(now time.Time) bool {
	return !r.Hold && now.Sub(r.Renewed).Abs() > r.Duration
}

// same says whether both are the lock of one run, renewed or not.
func (r Record) same(other Record) bool {
	return r.Hold == other.Hold && r.Holder == other.Holder && r.Since.Equal(other.Since)
}

// String says who has the target, since when and what for.
func (r Record) String() string {
	s := fmt.Sprintf("held by %s since %s", r.Holder, r.Since.UTC().Format(time.RFC3339))
	if r.Why != "" {
		s += " (" + r.Why + ")"
	}
	return s
}

// HeldError says that somebody else has the target.
type HeldError struct{ Record Record }

// Error implements error.
func (e *HeldError) Error() string {
	r := e.Record
	what, unlock := "the project", "weighlock unlock"
	if r.Target != "" {
		what, unlock = fmt.Sprintf("target %q", r.Target), unlock+" --target "+r.Target
	}
	if r.Hold {
		return fmt.Sprintf("%s is locked: %s; to go on, let them give it up or remove it: %s", what, r, unlock)
	}
	return fmt.Sprintf("%s is being deployed: %s; wait for it to end. If it is dead, its lock expires by itself at %s",
		what, r, r.Renewed.Add(r.Duration).UTC().Format(time.RFC3339))
}

// RightsError says that the records may not be read or written as the present user.
type RightsError struct {
	// Missing is the right in kubectl's words, such as "create leases.coordination.k8s.io in namespace weighlock".
	Missing string
	Err     error
}

// Error implements error.
func (e *RightsError) Error() string {
	return fmt.Sprintf("no lock without the right to %s: %v", e.Missing, e.Err)
}

// Unwrap returns what the server said.
func (e *RightsError) Unwrap() error { return e.Err }
