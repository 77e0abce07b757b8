package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// lockFile waits for an exclusive lock, which the system takes back from a process that dies. The file stays: removing
// it would let two processes lock two files of one name.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	// The system can wait, but not for a context as well.
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		locked, err := tryLock(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), f.Close())
		}
		if locked {
			return func() { f.Close() }, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for another process that is fetching the same: %w", ctx.Err()), f.Close())
		}
	}
}
