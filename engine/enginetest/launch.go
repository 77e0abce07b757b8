package enginetest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const modulePath = "github.com/weighlock/weighlock"

// process is a cluster that this process has started.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer     // the cluster lives until this is closed, at the latest by the kernel when this process ends
	ended chan struct{} // closed when the cluster is gone; then complaint says why
	// complaint is what the cluster wrote to standard error.
	complaint bytes.Buffer
}

// failure returns why the cluster has ended, nil while it runs or where it is not ours.
func (p *process) failure() error {
	if p == nil {
		return nil
	}
	select {
	case <-p.ended:
		return fmt.Errorf("the test cluster has ended (%v): %s", p.cmd.ProcessState, bytes.TrimSpace(p.complaint.Bytes()))
	default:
		return nil
	}
}

// Own starts a cluster beside the shared one, for a test that would be in the way of others: it lives until the test ends.
func Own(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := launch()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.own.stdin.Close() })
	return c
}

// launch starts a cluster of this process's own and waits until it is ready.
func launch() (*Cluster, error) {
	program, err := program()
	if err != nil {
		return nil, err
	}
	own := &process{cmd: exec.Command(program, "run"), ended: make(chan struct{})}
	own.cmd.Stderr = &own.complaint
	if own.stdin, err = own.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// A pipe of ours, because Wait would close one of Cmd's before it is read.
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	own.cmd.Stdout = in
	err = own.cmd.Start()
	in.Close() // from here on the pipe ends with the process
	if err != nil {
		return nil, fmt.Errorf("starting the test cluster: %w", err)
	}
	go func() {
		_ = own.cmd.Wait() // the result is in ProcessState
		close(own.ended)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		<-own.ended
		return nil, own.failure()
	}
	c, err := connect(strings.TrimSpace(line))
	if err != nil {
		return nil, err
	}
	c.own = own
	return c, nil
}

// program returns the path of the built cluster program.
func program() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	out, err := exec.Command(filepath.Join(root, "testdata", "cluster", "build.sh"), "--print-dir").Output()
	if err != nil {
		return "", fmt.Errorf("testdata/cluster/build.sh --print-dir: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "cluster")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the test cluster is not built (no %s): run make cluster", path)
	} else if err != nil {
		return "", err
	}
	return path, nil
}

// moduleRoot returns the directory of this module's go.mod. A test runs in its package's directory: the root
// is that or one above it.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+modulePath+"\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of %s in %s or above it", modulePath, start)
		}
	}
}
