package checkout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// objects reads what a repository holds by one git process that lasts, in place of one for each thing read. It may be used by
// several goroutines at once, who wait for each other. A process that was ended, by whomever, is started anew when it is
// needed.
type objects struct {
	turn    chan struct{} // held by whoever talks with the process
	running *batch        // nil until it is needed, and after it was ended
}

// batch is a running git cat-file --batch-command, which answers a line about an object by its kind and size and, if it is
// asked for, its content.
type batch struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said *transcript
}

// The questions that git cat-file --batch-command answers.
const (
	whatKind = "info"
	whatIsIn = "contents"
)

// answer is what git says of an object.
type answer struct {
	kind    string // "" if it is not at hand
	size    int64
	content io.Reader // where it was asked for
}

// maxWindow is how many questions are asked before the answers are read: as many as fit into the smallest pipe, so that writing
// them never waits for anybody to read.
const maxWindow = 50

// errEnded says that the process was gone before it answered; the questions can be put to another one.
var errEnded = errors.New("git ended")

// ask puts a question about each of some objects, by full ids, and hands the answers to read, in their order. What read
// leaves of a content is skipped.
func (r *Repo) ask(ctx context.Context, question string, ids []string, read func(i int, a answer) error) error {
	o := &r.objects
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return &failure{verb: "cat-file", exit: -1, cause: ctx.Err()}
	}
	for done := 0; done < len(ids); {
		fresh := o.running == nil
		if fresh {
			var err error
			if o.running, err = r.git.batch(ctx); err != nil {
				return &failure{verb: "cat-file", exit: -1, cause: err}
			}
		}
		answered := 0
		err := o.running.ask(ctx, question, ids[done:], func(i int, a answer) error {
			answered++
			return read(done+i, a)
		})
		if err == nil {
			return nil
		}
		ended := o.end() // there may be more to read: nobody else could tell it from what they asked for
		switch {
		case ctx.Err() != nil:
			ended.cause, ended.said = ctx.Err(), ""
			return ended
		case !errors.Is(err, errEnded) && !errors.Is(err, errCut):
			return err
		case fresh && answered == 0, errors.Is(err, errCut):
			ended.cause = err
			return ended
		}
		done += answered
	}
	return nil
}

// batch starts the process. It ends with the context of nobody who asks it.
func (g git) batch(ctx context.Context) (*batch, error) {
	// What it keeps in memory to be faster, it keeps for long.
	args := append(g.global[:len(g.global):len(g.global)], "-c", "core.deltaBaseCacheLimit=32m", "cat-file", "--batch-command")
	b := &batch{cmd: exec.CommandContext(context.WithoutCancel(ctx), "git", args...), said: &transcript{secrets: g.secrets, forward: g.stderr}}
	b.cmd.Dir, b.cmd.Env, b.cmd.Stderr = g.dir, g.env.offline, b.said
	endsWithUs(b.cmd)
	in, err := b.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.in, b.out = in, bufio.NewReaderSize(out, 1<<16)
	return b, b.cmd.Start()
}

// errCut says that the process ended in the middle of an answer.
var errCut = errors.New("git ended in the middle of an object")

func (b *batch) ask(ctx context.Context, question string, ids []string, read func(i int, a answer) error) error {
	defer context.AfterFunc(ctx, func() { _ = b.cmd.Process.Kill() })()
	for from := 0; from < len(ids); from += maxWindow {
		window := ids[from:min(from+maxWindow, len(ids))]
		var lines strings.Builder
		for _, id := range window {
			lines.WriteString(question + " " + id + "\n")
		}
		if _, err := io.WriteString(b.in, lines.String()); err != nil {
			return errEnded
		}
		for i, id := range window {
			if err := b.answer(question, id, func(a answer) error { return read(from+i, a) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *batch) answer(question, id string, read func(answer) error) error {
	line, err := b.out.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return errEnded
	}
	about, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), id+" ")
	if !ok {
		return fmt.Errorf("git cat-file: answer about %s not understood: %.200q", short(id), line)
	}
	if about == "missing" {
		return read(answer{})
	}
	kind, digits, _ := strings.Cut(about, " ")
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("git cat-file: answer about %s not understood: %.200q", short(id), line)
	}
	if question == whatKind {
		return read(answer{kind: kind, size: size})
	}
	content := &io.LimitedReader{R: b.out, N: size}
	switch err := read(answer{kind: kind, size: size, content: content}); {
	case content.N > 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return errCut // git is about to exit and will say why
	case err != nil:
		return err
	}
	if _, err := io.CopyN(io.Discard, b.out, content.N+1); err != nil { // and the line break after it
		return errCut
	}
	return nil
}

// end ends the process, if there is one. Call it while holding the turn.
func (o *objects) end() *failure {
	b := o.running
	o.running = nil
	if b == nil {
		return nil
	}
	_ = b.cmd.Process.Kill() // which has nothing to tidy, and is mostly gone
	err := b.cmd.Wait()
	b.said.close()
	return &failure{verb: "cat-file", exit: -1, said: b.said.String(), cause: err}
}

// close ends the process as soon as nobody talks with it.
func (o *objects) close() {
	o.turn <- struct{}{}
	_ = o.end() // why it ends is known
	<-o.turn
}
