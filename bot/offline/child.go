package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"time"
)

// Limits bound a process that compares.
type Limits struct {
	// Time is how long it may take, and how much of that on the processor, over all of its cores.
	Time, CPU time.Duration
	// Memory is how many bytes it may have for data, Answer how many it may write.
	Memory, Answer int64
}

// DefaultLimits are enough for some thousand objects.
var DefaultLimits = Limits{Time: 2 * time.Minute, CPU: 2 * time.Minute, Memory: 1 << 30, Answer: 32 << 20}

// maxStack bounds what a template that calls itself needs, and openFiles what it opens.
const maxStack, openFiles = 64 << 20, 512

// A question is what the process reads.
type question struct {
	Request Request
	Limits  Limits
}

// maxQuestion is how long a question may be.
const maxQuestion = 1 << 20

// Serve is the process that compares: it confines itself, reads a question, and writes the answer. An error means that there is
// no answer.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var q question
	if err := json.NewDecoder(io.LimitReader(in, maxQuestion)).Decode(&q); err != nil {
		return fmt.Errorf("reading what to compare: %w", err)
	}
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(q.Limits.Memory / 8 * 7)
	ctx, cancel := context.WithTimeout(ctx, q.Limits.Time)
	defer cancel()
	var a answer
	var err error
	if a.Unconfined, err = confine(q.Limits, q.Request.Base, q.Request.Head); err != nil {
		return err
	}
	a.Targets, err = compare(ctx, q.Request)
	if err != nil {
		a.Targets, a.Err = nil, q.Request.withoutPlaces(err.Error())
	}
	for i := range a.Targets {
		a.Targets[i].Err = q.Request.withoutPlaces(a.Targets[i].Err)
	}
	return json.NewEncoder(&bounded{out, q.Limits.Answer}).Encode(a)
}

// errTooLong says that an answer is longer than it may be.
var errTooLong = errors.New("the answer is too long")

// bounded is a writer that takes so many bytes.
type bounded struct {
	io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errTooLong
	}
	return b.Writer.Write(p)
}

// seconds are whole ones, at least one.
func seconds(d time.Duration) uint64 { return uint64(math.Ceil(max(d.Seconds(), 1))) }
