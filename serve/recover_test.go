package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
)

func TestWhatMayPassIsTriedAgainAndNothingElse(t *testing.T) {
	t.Parallel()
	refused := func(status int, kind error) error {
		return fmt.Errorf("answering: %w", &forge.Error{Op: "comment", Status: status, Err: kind})
	}
	for _, c := range []struct {
		err    error
		passes bool
	}{
		{refused(503, forge.ErrUnavailable), true},
		{refused(0, forge.ErrUnavailable), true},
		{refused(429, forge.ErrRateLimited), true},
		{refused(403, forge.ErrRateLimited), true},
		{refused(401, forge.ErrUnauthorized), true}, // of us, not of who asks: the operator renews the token
		{fmt.Errorf("fetching main: %w", checkout.ErrUnavailable), true},
		{context.DeadlineExceeded, true},
		{fmt.Errorf("%w: staging", errUnreached), true},
		{&fs.PathError{Op: "write", Path: "/cache/a", Err: syscall.ENOSPC}, true}, // the operator's, too
		{errors.New("git init: error: unable to write symref for HEAD: No space left on device"), true},
		{refused(404, forge.ErrNotFound), false},
		{refused(403, forge.ErrForbidden), false},
		{refused(410, forge.ErrNotFound), false},
		{refused(422, forge.ErrInvalid), false},
		{errors.New("the configuration is wrong"), false},
	} {
		if got, _ := retryable(c.err); got != c.passes {
			t.Errorf("%v: %v, want %v", c.err, got, c.passes)
		}
	}
}
