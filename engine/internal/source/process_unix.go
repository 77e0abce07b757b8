//go:build unix

package source

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// tryLock locks a file, if nobody else has it.
func tryLock(f *os.File) (locked bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// alone puts a program into a session of its own: it has no terminal on which to ask anybody, and it can be ended together
// with what it started, of which git's transports hold on to its output. Asked to end, git removes its temporary files.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
}
