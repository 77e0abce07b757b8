package checkout

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// git runs the git program on one repository.
type git struct {
	dir     string   // where it runs
	global  []string // options before the subcommand
	env     environment
	secrets []string
	stderr  io.Writer
	renewal *renewal // nil where what env says of the remote holds for as long as this
}

// command is one run of git. By default it has no access to the remote.
type command struct {
	args   []string // the subcommand first
	config []string // settings of this run only, as key=value
	stdin  []byte
	online bool // may reach the remote, and have missing objects fetched
	limit  time.Duration
}

// How long a run of git may take: one that waits for ever must not hold up its caller for ever, too. Much is only fetched.
const (
	offlineLimit = 5 * time.Minute
	onlineLimit  = 20 * time.Minute
)

// errSlow says that git was ended because it took too long.
var errSlow = errors.New("took too long and was ended")

// failure is a run of git that did not succeed.
type failure struct {
	verb   string
	exit   int    // -1 if git did not exit by itself
	stdout []byte // for verbs whose output matters when they exit with 1
	said   string // the last lines of standard error, without credentials
	cause  error
}

func (f *failure) Error() string {
	if f.said == "" {
		return fmt.Sprintf("git %s: %v", f.verb, f.cause)
	}
	return fmt.Sprintf("git %s: %s", f.verb, lastLine(f.said))
}

func (f *failure) Unwrap() error { return f.cause }

func (g git) run(ctx context.Context, c command) ([]byte, error) {
	var out []byte
	err := g.stream(ctx, c, func(stdout *bufio.Reader) (err error) {
		out, err = io.ReadAll(stdout)
		return err
	})
	var failed *failure
	if errors.As(err, &failed) {
		failed.stdout = out
	}
	return out, err
}

// stream hands git's output to read while git runs. Git is stopped when read returns an error.
func (g git) stream(ctx context.Context, c command, read func(*bufio.Reader) error) error {
	limit := offlineLimit
	if c.online {
		limit = onlineLimit
	}
	running, cancel := context.WithTimeoutCause(ctx, cmp.Or(c.limit, limit), errSlow)
	defer cancel()
	args := slices.Clone(g.global)
	for _, setting := range c.config {
		args = append(args, "-c", setting)
	}
	cmd := exec.CommandContext(running, "git", append(args, c.args...)...)
	cmd.Dir = g.dir
	cmd.Env = g.env.offline
	secrets := g.secrets
	switch {
	case c.online && g.renewal != nil:
		var err error
		if cmd.Env, secrets, err = g.renewal.now(running); err != nil {
			return err
		}
	case c.online:
		cmd.Env = g.env.online
	}
	if c.stdin != nil {
		cmd.Stdin = bytes.NewReader(c.stdin)
	}
	said := &transcript{secrets: secrets, forward: g.stderr}
	cmd.Stderr = said
	// Asked to end, git removes its temporary files and ends its own children.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	endsWithUs(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return &failure{verb: c.args[0], exit: -1, cause: err}
	}
	if err := cmd.Start(); err != nil {
		return &failure{verb: c.args[0], exit: -1, cause: err}
	}
	// A child of git may hold the pipe open for longer than git lives.
	defer context.AfterFunc(running, func() { stdout.Close() })()
	readErr := read(bufio.NewReaderSize(stdout, 1<<16))
	if readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		cancel() // at the end of its output git is about to exit and will say why
	}
	err = cmd.Wait()
	said.close()
	exit := cmd.ProcessState.ExitCode()
	switch {
	case err == nil && readErr == nil:
		return nil
	case ctx.Err() != nil:
		return &failure{verb: c.args[0], exit: -1, cause: ctx.Err()}
	case errors.Is(context.Cause(running), errSlow):
		return &failure{verb: c.args[0], exit: -1, cause: errSlow}
	case readErr != nil && exit <= 0:
		return readErr
	}
	return &failure{verb: c.args[0], exit: exit, said: said.String(), cause: err}
}

const minMajor, minMinor = 2, 38

var versionOutput = regexp.MustCompile(`^git version (\d+)\.(\d+)`)

// newEnough is set once git has said a version that is: a program that serves for long asks once.
var newEnough atomic.Bool

func checkVersion(ctx context.Context, g git) error {
	if newEnough.Load() {
		return nil
	}
	const remedy = "install git 2.38 or newer"
	g.dir = "" // so that a missing directory is not taken for a missing program
	out, err := g.run(ctx, command{args: []string{"version"}})
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("git is not installed: %s", remedy)
	}
	if err != nil {
		return fmt.Errorf("asking git for its version: %w", err)
	}
	if err := parseVersion(string(out), remedy); err != nil {
		return err
	}
	newEnough.Store(true)
	return nil
}

func parseVersion(out, remedy string) error {
	m := versionOutput.FindStringSubmatch(out)
	if m == nil {
		return fmt.Errorf("%q is no version of git: %s", strings.TrimSpace(out), remedy)
	}
	major, _ := strconv.Atoi(m[1]) // digits, by the expression; what overflows is new enough
	minor, _ := strconv.Atoi(m[2])
	if major < minMajor || major == minMajor && minor < minMinor {
		return fmt.Errorf("git %s.%s is too old: %s", m[1], m[2], remedy)
	}
	return nil
}

// transcript keeps the end of what git says and forwards all of it, line by line, without credentials.
type transcript struct {
	secrets []string
	forward io.Writer
	line    []byte
	kept    []string
}

const keptLines = 40

func (t *transcript) Write(p []byte) (int, error) {
	for _, b := range p {
		t.line = append(t.line, b)
		if b == '\n' || b == '\r' { // progress is redrawn after a carriage return
			if err := t.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (t *transcript) flush() error {
	line := redact(string(t.line), t.secrets)
	t.line = t.line[:0]
	if strings.TrimSpace(line) != "" {
		t.kept = append(t.kept, strings.TrimSpace(line))
		t.kept = t.kept[max(0, len(t.kept)-keptLines):]
	}
	if t.forward == nil {
		return nil
	}
	_, err := io.WriteString(t.forward, line)
	return err
}

// close ends a last line without a line break. What it could not forward is not worth failing for: git is done.
func (t *transcript) close() {
	if len(t.line) > 0 {
		_ = t.flush()
	}
}

func (t *transcript) String() string { return strings.Join(t.kept, "\n") }

var userinfo = regexp.MustCompile(`(://)[^/\s@]+@`)

func redact(s string, secrets []string) string {
	for _, secret := range secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return userinfo.ReplaceAllString(s, "${1}***@")
}

// lastLine is the last line with git's own verdict, or else the last line of all.
func lastLine(said string) string {
	lines := strings.Split(said, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "fatal: ") || strings.HasPrefix(lines[i], "error: ") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}
