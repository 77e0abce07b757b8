package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Store keeps records. Its errors are a *[RightsError] where the user lacks a right.
type Store interface {
	// Put stores a new record: its entry, and its encoded form, which may be of at most [MaxSize] bytes.
	Put(ctx context.Context, e Entry, data []byte) error
	// List returns the entries of a discriminator, or all with "", the newest first; with an error those that can be read.
	List(ctx context.Context, discriminator string) ([]Entry, error)
	// Get returns the encoded form of a record, nil when there is none of that ID.
	Get(ctx context.Context, id string) ([]byte, error)
	// Remove removes a record. It is no error if it is gone.
	Remove(ctx context.Context, id string) error
}

// MaxSize is how large an encoded record may be: a Secret holds at most 1 MiB, keys included.
const MaxSize = 1_000_000

// DefaultKeep is how many records of a target are kept.
const DefaultKeep = 10

// RightsError says that records may not be read or written as the present user.
type RightsError struct {
	// Missing is the right in kubectl's words, such as "create secrets in namespace weighlock".
	Missing string
	Err     error
}

// Error implements error.
func (e *RightsError) Error() string {
	return fmt.Sprintf("no history without the right to %s: %v", e.Missing, e.Err)
}

// Unwrap returns what the server said.
func (e *RightsError) Unwrap() error { return e.Err }

// Write stores a record and removes the oldest ones of its discriminator beyond the number to keep; 0 is [DefaultKeep].
func Write(ctx context.Context, s Store, r Record, keep int) error {
	if keep <= 0 {
		keep = DefaultKeep
	}
	if r.Entry.ID == "" {
		r.Entry.ID = r.Entry.NewID()
	}
	data, entry, err := Encode(r, MaxSize)
	if err != nil {
		return err
	}
	if err := s.Put(ctx, entry, data); err != nil {
		return err
	}
	entries, err := s.List(ctx, entry.Discriminator)
	if err != nil {
		return fmt.Errorf("old results are not removed: %w", err)
	}
	var errs []error
	for _, old := range entries[min(keep, len(entries)):] {
		errs = append(errs, s.Remove(ctx, old.ID))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("old results are not removed: %w", err)
	}
	return nil
}

// Read returns a record, nil when there is none of that ID.
func Read(ctx context.Context, s Store, id string) (*Record, error) {
	data, err := s.Get(ctx, id)
	if err != nil || data == nil {
		return nil, err
	}
	r, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("result %s: %w", id, err)
	}
	return r, nil
}

// Entries are those of a target's runs, the newest first.
type Entries []Entry

// Runs lists the last runs of a target. Who may not read records gets none, which is no error; with an error come those that
// could be read.
func Runs(ctx context.Context, s Store, discriminator string) (Entries, error) {
	if discriminator == "" {
		return nil, nil
	}
	entries, err := s.List(ctx, discriminator)
	if errors.As(err, new(*RightsError)) {
		return nil, nil
	}
	return entries, err
}

// Namespaces are those in which the target had objects after its last runs, back to the last one that dealt with the whole
// target and succeeded: where to look for objects that it does not render any more.
func (e Entries) Namespaces() []string {
	found := map[string]bool{}
	for _, run := range e {
		for _, n := range run.Namespaces {
			found[n] = true
		}
		if run.Outcome == Succeeded && !run.Partial {
			break
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Namespaces are those of a target's [Runs]. A comparison says by itself where it could not look.
func Namespaces(ctx context.Context, s Store, discriminator string) ([]string, error) {
	runs, err := Runs(ctx, s, discriminator)
	return runs.Namespaces(), err
}
