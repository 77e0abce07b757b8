package py

import (
	"context"
	"fmt"
)

// Limits bound what a template may cost. A zero field means the default of
// [DefaultLimits]; a negative one means no limit.
type Limits struct {
	Steps       int64 // operations: statements, calls, iterations
	OutputBytes int   // bytes written, and the size of any one string or list that an operation makes
	Depth       int   // nesting of calls, includes, blocks and recursive loops
	IntBits     int   // size of an integer
	Memory      int64 // bytes of all strings and lists made, freed ones included
}

// DefaultLimits are generous for templates that people write and small enough
// that a hostile one ends in seconds.
var DefaultLimits = Limits{Steps: 50_000_000, OutputBytes: 64 << 20, Depth: 200, IntBits: 1 << 20, Memory: 1 << 30}

func (l Limits) withDefaults() Limits {
	if l.Steps == 0 {
		l.Steps = DefaultLimits.Steps
	}
	if l.OutputBytes == 0 {
		l.OutputBytes = DefaultLimits.OutputBytes
	}
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.IntBits == 0 {
		l.IntBits = DefaultLimits.IntBits
	}
	if l.Memory == 0 {
		l.Memory = DefaultLimits.Memory
	}
	return l
}

// LimitError says which limit a template exceeded.
type LimitError struct {
	Limit string // "steps", "output bytes", "depth", "integer bits", "memory bytes", "key bytes"
	Max   int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("template exceeds the limit of %d %s", e.Max, e.Limit)
}

// fuelChunk is how many steps pass between two looks at the context.
const fuelChunk = 1024

// Thread is one evaluation: it counts what the evaluation costs. It must not
// be used by two goroutines at once. A nil *Thread is one without limits.
type Thread struct {
	limits Limits
	done   <-chan struct{}
	cause  func() error
	fuel   int64 // steps left in this chunk
	used   int64 // steps used up to the start of this chunk
	chunk  int64
	depth  int
	made   int64 // bytes of strings and lists so far
	stack  []Value
	// Host is the embedder's own state; this package never looks at it.
	Host any
}

// NewThread returns a thread that ends with an error when ctx does.
func NewThread(ctx context.Context, limits Limits) *Thread {
	t := &Thread{}
	t.Init(ctx, limits)
	return t
}

// Init makes t ready for a new evaluation.
func (t *Thread) Init(ctx context.Context, limits Limits) {
	*t = Thread{limits: limits.withDefaults(), done: ctx.Done(), stack: t.stack[:0]}
	t.cause = func() error { return context.Cause(ctx) }
}

// Limits returns the limits in force.
func (t *Thread) Limits() Limits { return t.limits }

// Step counts n steps.
func (t *Thread) Step(n int) error {
	if t == nil {
		return nil
	}
	t.fuel -= int64(n)
	if t.fuel < 0 {
		return t.refuel()
	}
	return nil
}

func (t *Thread) refuel() error {
	t.used += t.chunk - t.fuel
	t.fuel, t.chunk = 0, 0
	select {
	case <-t.done:
		return t.cause()
	default:
	}
	if t.limits.Steps >= 0 && t.used > t.limits.Steps {
		return &LimitError{"steps", t.limits.Steps}
	}
	t.fuel, t.chunk = fuelChunk, fuelChunk
	if left := t.limits.Steps - t.used; t.limits.Steps >= 0 && left < fuelChunk {
		t.fuel, t.chunk = left, left
	}
	return nil
}

// Grow checks that a string or list of n elements may be made.
func (t *Thread) Grow(n int) error {
	if t == nil {
		return nil
	}
	if n < 0 || t.limits.OutputBytes >= 0 && n > t.limits.OutputBytes {
		return &LimitError{"output bytes", int64(t.limits.OutputBytes)}
	}
	return nil
}

// Charge counts n bytes towards the memory limit.
func (t *Thread) Charge(n int) error {
	if t == nil {
		return nil
	}
	t.made += int64(n)
	if t.limits.Memory >= 0 && t.made > t.limits.Memory {
		return &LimitError{"memory bytes", t.limits.Memory}
	}
	return nil
}

// Alloc is [Thread.Grow] and [Thread.Charge] for a string of n bytes that is
// being made now.
func (t *Thread) Alloc(n int) error {
	if err := t.Grow(n); err != nil {
		return err
	}
	return t.Charge(n)
}

// valueSize is what an element of a list counts for.
const valueSize = 16

// AllocItems is [Thread.Alloc] for a list of n elements.
func (t *Thread) AllocItems(n int) error {
	if err := t.Grow(n); err != nil {
		return err
	}
	return t.Charge(n * valueSize)
}

// Gather counts one step, and one element of a list that grows: its own
// place, those that growing leaves behind, and the value itself.
func (t *Thread) Gather() error {
	if err := t.Step(1); err != nil {
		return err
	}
	return t.Charge(3 * valueSize)
}

// AllocEntries is [Thread.Alloc] for n entries of a dict, which take place in
// its order and in its index.
func (t *Thread) AllocEntries(n int) error { return t.Charge(8 * valueSize * n) }

// Enter counts one level of nesting; each successful Enter needs one Leave.
func (t *Thread) Enter() error {
	if t == nil {
		return nil
	}
	if t.limits.Depth >= 0 && t.depth >= t.limits.Depth {
		return &LimitError{"depth", int64(t.limits.Depth)}
	}
	t.depth++
	return nil
}

// Leave ends what Enter began.
func (t *Thread) Leave() {
	if t != nil {
		t.depth--
	}
}

func (t *Thread) checkBits(n int) error {
	if t == nil {
		return nil
	}
	if t.limits.IntBits >= 0 && n > t.limits.IntBits {
		return &LimitError{"integer bits", int64(t.limits.IntBits)}
	}
	return nil
}

// Frame returns n fresh values, all nil, on the thread's argument stack, and
// the mark that [Thread.Release] takes to give them back.
func (t *Thread) Frame(n int) ([]Value, int) {
	mark := len(t.stack)
	if mark+n > cap(t.stack) {
		grown := make([]Value, mark, 2*(mark+n)+16)
		copy(grown, t.stack)
		t.stack = grown
	}
	t.stack = t.stack[:mark+n]
	s := t.stack[mark : mark+n : mark+n]
	clear(s)
	return s, mark
}

// Release gives back everything that was taken from the stack since mark.
func (t *Thread) Release(mark int) { t.stack = t.stack[:mark] }
