package bot

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
)

// A NoContextError says that a server has no context of a name. It is for people who have never seen the server's files.
type NoContextError struct {
	Context string
	// Have are those that it has.
	Have []string
}

// Error says what a target may name instead.
func (e *NoContextError) Error() string {
	text := "the server has no context " + e.Context
	if len(e.Have) == 0 {
		return text + ", nor any other one"
	}
	return text + "; it has: " + strings.Join(e.Have, ", ")
}

// Within connects to targets only whose context may be had, and names no other one.
func (c Connect) Within(may func(context string) error) Connect {
	if c == nil {
		return nil
	}
	return func(ctx context.Context, t project.Target, as string) (engine.Cluster, error) {
		if err := may(t.Context); err != nil {
			return nil, err
		}
		cluster, err := c(ctx, t, as)
		if none := new(NoContextError); errors.As(err, &none) {
			err = &NoContextError{none.Context, slices.DeleteFunc(slices.Clone(none.Have), func(name string) bool { return may(name) != nil })}
		}
		return cluster, err
	}
}
