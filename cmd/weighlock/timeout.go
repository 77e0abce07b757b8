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

// limitTime ends a command that has the flag --timeout when its time is over.
func limitTime(c *cobra.Command) error {
	if c.Flags().Lookup(timeoutFlag) == nil {
		return nil
	}
	limit, err := c.Flags().GetDuration(timeoutFlag)
	if err != nil || limit == 0 {
		return err
	}
	if limit < 0 {
		return fmt.Errorf("--%s %s: expected a duration, or 0 for none", timeoutFlag, limit)
	}
	ctx, cancel := context.WithTimeoutCause(c.Context(), limit, fmt.Errorf("not done within %s (--%s)", limit, timeoutFlag))
	cobra.OnFinalize(cancel)
	c.SetContext(ctx)
	return nil
}
