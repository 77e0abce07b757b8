package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

const (
	timeoutFlag    = "timeout"
	defaultTimeout = 10 * time.Minute
)

// limitTime ends a command that has the flag --timeout when its time is over. What it returns is to be called at the end.
func limitTime(c *cobra.Command) (context.CancelFunc, error) {
	if c.Flags().Lookup(timeoutFlag) == nil {
		return func() {}, nil
	}
	limit, err := c.Flags().GetDuration(timeoutFlag)
	if err != nil || limit == 0 {
		return func() {}, err
	}
	if limit < 0 {
		return func() {}, fmt.Errorf("--%s %s: expected a duration, or 0 for none", timeoutFlag, limit)
	}
	ctx, cancel := context.WithTimeoutCause(c.Context(), limit, &timeoutError{limit})
	c.SetContext(ctx)
	return cancel, nil
}

// timeoutError says that --timeout is over.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not done within %s (--%s)", e.limit, timeoutFlag)
}
