package rest

import (
	"context"
	"sync"
)

// Edits makes one write of several that wait to change the same thing: the last one's. Writes to one thing go one after the other, so
// that an older text never takes the place of a newer one. K names the thing, V is what the forge answers. The zero value is ready.
type Edits[K comparable, V any] struct {
	mu    sync.Mutex
	lines map[K]*line[V]
}

// line are those who want to change one thing.
type line[V any] struct {
	users   int
	turn    chan struct{} // held by whoever writes
	waiting *edit[V]      // which others may still join; nil for none
}

// edit is a write that several wait for.
type edit[V any] struct {
	text   string
	done   chan struct{}
	value  V
	err    error
	gaveUp bool // whoever was to write did not want to wait any longer
}

// Do has write send a text, or waits for the write of who came before and has not begun. Write gets the newest text by calling newest as
// late as it can; what comes after that is another write. What the forge answers is the answer to all of them.
func (e *Edits[K, V]) Do(ctx context.Context, key K, text string, write func(newest func() string) (V, error)) (V, error) {
	l := e.enter(key)
	defer e.leave(key, l)
	for {
		mine, joined := e.join(l, text)
		if !joined {
			return e.lead(ctx, l, mine, write)
		}
		select {
		case <-mine.done:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		if !mine.gaveUp {
			return mine.value, mine.err
		}
		text = mine.text // it may be that of one who came later
	}
}

func (e *Edits[K, V]) enter(key K) *line[V] {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lines[key]
	if l == nil {
		if e.lines == nil {
			e.lines = map[K]*line[V]{}
		}
		l = &line[V]{turn: make(chan struct{}, 1)}
		e.lines[key] = l
	}
	l.users++
	return l
}

func (e *Edits[K, V]) leave(key K, l *line[V]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(e.lines, key)
	}
}

// join adds a text to the edit that waits, or makes one that does.
func (e *Edits[K, V]) join(l *line[V], text string) (*edit[V], bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.waiting != nil {
		l.waiting.text = text
		return l.waiting, true
	}
	l.waiting = &edit[V]{text: text, done: make(chan struct{})}
	return l.waiting, false
}

func (e *Edits[K, V]) lead(ctx context.Context, l *line[V], mine *edit[V], write func(newest func() string) (V, error)) (V, error) {
	newest := func() string {
		e.mu.Lock()
		defer e.mu.Unlock()
		if l.waiting == mine {
			l.waiting = nil
		}
		return mine.text
	}
	select {
	case l.turn <- struct{}{}:
		mine.value, mine.err = write(newest)
		<-l.turn
	case <-ctx.Done():
		mine.err = ctx.Err()
	}
	newest() // nobody joins what is over
	mine.gaveUp = mine.err != nil && ctx.Err() != nil
	close(mine.done)
	return mine.value, mine.err
}
