package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// git is how the git program is started: where, with which environment, and what it must not repeat.
type git struct {
	dir     string   // where it runs
	gitDir  string   // the repository; empty for none
	env     []string // all of it, settings included
	secrets []string
}

// failure is a run of git that did not succeed.
type failure struct {
	verb  string
	exit  int    // -1 if git did not exit by itself
	said  string // the end of what it wrote to standard error, without secrets
	cause error
}

func (f *failure) Error() string {
	if f.said == "" {
		return fmt.Sprintf("git %s: %v", f.verb, f.cause)
	}
	return fmt.Sprintf("git %s: %s", f.verb, verdict(f.said))
}

func (f *failure) Unwrap() error { return f.cause }

func (g git) run(ctx context.Context, args ...string) ([]byte, error) {
	var out []byte
	err := g.stream(ctx, nil, func(stdout *bufio.Reader) (err error) {
		out, err = io.ReadAll(stdout)
		return err
	}, args...)
	return out, err
}

// stream hands git's output to read while git runs. Git is stopped when read returns an error.
func (g git) stream(ctx context.Context, stdin io.Reader, read func(*bufio.Reader) error, args ...string) error {
	verb := args[0]
	if g.gitDir != "" {
		args = append([]string{"--git-dir=" + g.gitDir}, args...)
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(running, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = g.dir, g.env, stdin
	said := &tail{}
	cmd.Stderr = said
	alone(cmd)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("git is not installed: install git 2.32 or newer")
	}
	if err != nil {
		return &failure{verb: verb, exit: -1, cause: err}
	}
	// A child of git may hold the pipe open for longer than git lives.
	defer context.AfterFunc(running, func() { stdout.Close() })()
	readErr := read(bufio.NewReaderSize(stdout, 1<<16))
	if readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		cancel() // at the end of its output git is about to exit and will say why
	}
	err = cmd.Wait()
	exit := cmd.ProcessState.ExitCode()
	switch {
	case err == nil && readErr == nil:
		return nil
	case ctx.Err() != nil:
		return &failure{verb: verb, exit: -1, cause: ctx.Err()}
	case readErr != nil && exit <= 0:
		return readErr
	}
	return &failure{verb: verb, exit: exit, said: redact(said.String(), g.secrets), cause: err}
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if t.Len()+n > 2*tailSize {
		kept := bytes.Clone(t.Bytes())
		kept = append(kept, p...)
		t.Reset()
		p = kept[len(kept)-min(len(kept), tailSize):]
	}
	t.Buffer.Write(p)
	return n, nil
}

func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return strip(strings.TrimSpace(text))
}

// verdict is the last line in which git says what is wrong, or else the last line of all.
func verdict(said string) string {
	lines := strings.Split(said, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "fatal: ") || strings.HasPrefix(lines[i], "error: ") {
			return strings.TrimSpace(lines[i])
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
