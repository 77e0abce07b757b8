package offline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Process compares in a process of its own.
type Process struct {
	// Program and Args are run for it, and end up in [Serve].
	Program string
	Args    []string
	Limits  Limits
	Log     *slog.Logger
}

// A LimitError says that what is to be compared takes more than it may.
type LimitError struct{ text string }

// Error names the limit.
func (e *LimitError) Error() string { return e.text }

// maxWords is how much of what the process says on standard error is kept.
const maxWords = 16 << 10

// Compare compares as the request says. A *[LimitError] is the change's own fault; so is an error of a project. Others are the machine's.
func (p *Process) Compare(ctx context.Context, req Request) ([]Target, error) {
	home, err := os.MkdirTemp("", "weighlock-offline-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	q, err := json.Marshal(question{req, p.Limits})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limits.Time+spare, errSlow)
	defer cancel()
	isolated := true
	out, err := p.run(ctx, home, q, isolated)
	if errors.Is(err, errNotIsolated) {
		isolated = false
		out, err = p.run(ctx, home, q, isolated)
	}
	if err != nil {
		return nil, err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return nil, fmt.Errorf("the process that compares has no answer that can be read: %w", err)
	}
	if !isolated {
		a.Unconfined = append(a.Unconfined, "namespaces of its own")
	}
	if len(a.Unconfined) > 0 {
		p.Log.WarnContext(ctx, "a stranger's change was compared by a process that is confined in part", "without", a.Unconfined)
	}
	if a.Err != "" {
		return nil, errors.New(a.Err)
	}
	return a.Targets, nil
}

// spare is how long the process has beyond its limit to say that it took too long.
const spare = 5 * time.Second

var (
	errSlow = errors.New("it took too long")
	// errNotIsolated says that the system does not let us have namespaces.
	errNotIsolated = errors.New("the system does not give a process namespaces of its own")
)

func (p *Process) run(ctx context.Context, home string, question []byte, isolated bool) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.Program, p.Args...)
	cmd.Dir, cmd.Env = home, []string{"PATH=" + os.DevNull, "HOME=" + home, "TMPDIR=" + home, "TZ=UTC", "LANG=C.UTF-8"}
	words, out := &head{most: maxWords}, &head{most: p.Limits.Answer}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(question), out, words
	cmd.WaitDelay = spare
	separate(cmd, isolated)
	if err := cmd.Start(); err != nil {
		if isolated {
			return nil, fmt.Errorf("%w: %w", errNotIsolated, err)
		}
		return nil, fmt.Errorf("starting the process that compares: %w", err)
	}
	err := cmd.Wait()
	if err == nil {
		return out.Bytes(), nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSlow) {
		return nil, cause
	}
	return nil, p.failed(ctx, err, words.String())
}

// failed says why the process has no answer.
func (p *Process) failed(ctx context.Context, err error, words string) error {
	p.Log.WarnContext(ctx, "the process that compares has ended without an answer", "error", err, "words", words)
	const told = "the change cannot be shown: rendering it takes more than "
	switch {
	case errors.Is(context.Cause(ctx), errSlow), outOfTime(err), strings.Contains(words, context.DeadlineExceeded.Error()):
		return &LimitError{fmt.Sprintf("%s%s", told, p.Limits.Time)}
	case strings.Contains(words, errTooLong.Error()):
		return &LimitError{fmt.Sprintf("the change cannot be shown: what it changes has more than %d MB", p.Limits.Answer/1e6)}
	case strings.Contains(words, "out of memory"), strings.Contains(words, "cannot allocate memory"), strings.Contains(words, "signal: killed"), killed(err):
		return &LimitError{fmt.Sprintf("%s%d MiB of memory", told, p.Limits.Memory>>20)}
	case strings.Contains(words, "stack overflow"), strings.Contains(words, "stack exceeds"):
		return &LimitError{"the change cannot be shown: its templates call each other without end"}
	}
	return fmt.Errorf("the process that compares has ended: %w", err)
}

// head keeps the beginning of what is written.
type head struct {
	bytes.Buffer
	most int64
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.most - int64(h.Len()); int64(len(p)) > room {
		h.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return h.Buffer.Write(p)
}

var _ io.Writer = (*head)(nil)
