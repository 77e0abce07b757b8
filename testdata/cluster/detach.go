package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// upDetached starts "cluster up" as a process of its own session, waits until its cluster is ready and leaves it
// running. A cluster that runs in dir already is as good.
func upDetached(dir string) error {
	if err := mark(dir); err != nil {
		return err
	}
	lock, err := tryLock(dir)
	if errors.Is(err, errRunning) {
		env := filepath.Join(dir, envFile)
		if _, err := os.Stat(env); err != nil {
			return fmt.Errorf("%s: a cluster starts or ends there just now", dir)
		}
		fmt.Println(env)
		return nil
	}
	if err != nil {
		return err
	}
	lock.Close()

	program, err := os.Executable()
	if err != nil {
		return err
	}
	var complaint bytes.Buffer
	cmd := exec.Command(program, "up", "--dir", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	env, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait() // why it failed is in its complaint
		return errors.New(strings.TrimPrefix(strings.TrimSpace(complaint.String()), "cluster: "))
	}
	fmt.Print(env)
	return nil
}
