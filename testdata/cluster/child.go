package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// child is the process of one component.
type child struct {
	name  string
	log   string // file with its output
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

// spawn starts a component with the given arguments, and file as its descriptor 3 where it is not nil. When
// the process ends, died gets the reason. The calling goroutine must be locked to its thread, see lifeline.
func spawn(dir, program string, args []string, file *os.File) (*child, error) {
	name := filepath.Base(program)
	if _, own := components[args[0]]; own {
		name = args[0]
	}
	c := &child{name: name, log: filepath.Join(dir, "log", name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own copy
	c.cmd = exec.Command(program, args...)
	c.cmd.Dir = dir
	// Nothing of the user's environment may change how a component behaves. Collecting garbage and letting stacks grow, one for each
	// request, are an eighth of the processor time that tests cost the API server; it has memory enough.
	c.cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GOGC=400", "GODEBUG=adaptivestackstart=1"}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.SysProcAttr = lifeline()
	if file != nil {
		c.cmd.ExtraFiles = []*os.File{file}
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return c, nil
}

// watch waits for the process's end and reports it through died.
func (c *child) watch(died context.CancelCauseFunc) {
	err := c.cmd.Wait()
	close(c.ended)
	died(fmt.Errorf("%s ended (%v); the end of its log:\n%s", c.name, err, lastLines(c.log, 12)))
}

// kill ends the process at once and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // an error says that it has ended already
	<-c.ended
}

// lastLines returns the last n lines of a file, or why it could not be read.
func lastLines(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
