package rest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// editing is a forge's comments, with writes kept a second apart.
type editing struct {
	edits rest.Edits[int, string]
	pace  *rest.Pace
	mu    sync.Mutex
	sent  []string
	err   error
}

func (f *editing) edit(ctx context.Context, id int, text string) (string, error) {
	return f.edits.Do(ctx, id, text, func(newest func() string) (string, error) {
		if err := f.pace.Wait(ctx); err != nil {
			return "", err
		}
		text := newest()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sent = append(f.sent, text)
		return "written: " + text, f.err
	})
}

func (f *editing) wrote(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(f.sent, want) {
		t.Errorf("sent %q, want %q", f.sent, want)
	}
}

func TestEditsThatWaitForTheSameCommentAreOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &editing{pace: rest.NewPace(time.Second)}
		if _, err := f.edit(t.Context(), 1, "first"); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		var all sync.WaitGroup
		for _, text := range []string{"a", "b", "c"} {
			all.Go(func() {
				if got, err := f.edit(t.Context(), 1, text); err != nil || got != "written: c" {
					t.Errorf("%s: %q, %v", text, got, err)
				}
			})
			synctest.Wait()
		}
		all.Go(func() {
			if got, err := f.edit(t.Context(), 2, "another comment"); err != nil || got != "written: another comment" {
				t.Errorf("%q, %v", got, err)
			}
		})
		all.Wait()
		f.wrote(t, "first", "c", "another comment")
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("two writes take %s", took)
		}
	})
}

func TestAnEditThatIsGivenUpIsLeftToThoseWhoWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &editing{pace: rest.NewPace(time.Second)}
		if _, err := f.edit(t.Context(), 1, "first"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := f.edit(ctx, 1, "old"); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up hears %v", err)
			}
		})
		synctest.Wait()
		for _, text := range []string{"newer", "newest"} {
			all.Go(func() {
				if got, err := f.edit(t.Context(), 1, text); err != nil || got != "written: newest" {
					t.Errorf("%s: %q, %v", text, got, err)
				}
			})
			synctest.Wait()
		}
		cancel()
		all.Wait()
		f.wrote(t, "first", "newest")
	})
}

func TestTheForgesRefusalOfAnEditReachesAllWhoWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &editing{pace: rest.NewPace(time.Second)}
		_, _ = f.edit(t.Context(), 1, "first")
		f.err = errors.New("refused")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := f.edit(t.Context(), 1, "second"); !errors.Is(err, f.err) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		f.wrote(t, "first", "second")
	})
}
