package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lockFile   = "lock" // marks a cluster's directory; locked, with the process id in it, while the cluster runs
	tempPrefix = "weighlock-cluster-"
)

// errRunning says that a directory's cluster runs.
var errRunning = errors.New("a cluster runs there already")

// directory is the home of one cluster, locked by this process.
type directory struct {
	path string
	lock *os.File
}

// claim makes path the home of a cluster of this process; with an empty path, a temporary directory. It creates
// the directory, or clears what an ended cluster has left in it; it refuses one with other contents.
func claim(path string) (directory, error) {
	if path == "" {
		sweep()
		var err error
		if path, err = os.MkdirTemp("", tempPrefix); err != nil {
			return directory{}, err
		}
	}
	if err := mark(path); err != nil {
		return directory{}, err
	}
	lock, err := tryLock(path)
	if err != nil {
		return directory{}, err
	}
	home := directory{path: path, lock: lock}
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		if entry.Name() != lockFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, entry.Name())))
		}
	}
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		home.release()
		return directory{}, err
	}
	return home, nil
}

// release lets others have the directory.
func (d directory) release() { _ = d.lock.Close() }

// mark creates the directory, if need be, and marks it as a cluster's.
func mark(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	marker := filepath.Join(path, lockFile)
	if _, err := os.Stat(marker); len(entries) > 0 && err != nil {
		return fmt.Errorf("%s is neither empty nor the directory of a cluster: name another one", path)
	}
	file, err := os.OpenFile(marker, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// tryLock locks a marked directory. Errors: errRunning, fs.ErrNotExist.
func tryLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, errRunning)
		}
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	return lock, nil
}

// sweep removes temporary directories whose cluster was killed before it could do so. It is a courtesy: what it
// cannot remove stays.
func sweep() {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*"))
	for _, path := range paths {
		// A young one may be between its creation and its lock.
		if stat, err := os.Stat(path); err != nil || time.Since(stat.ModTime()) < time.Minute {
			continue
		}
		if lock, err := tryLock(path); err == nil {
			_ = os.RemoveAll(path)
			_ = lock.Close()
		}
	}
}

// down ends the cluster of a directory, if it runs, and removes the directory.
func down(path string) error {
	const patience = 10 * time.Second
	deadline := time.Now().Add(patience)
	signal := syscall.SIGTERM
	signalled := false
	for {
		lock, err := tryLock(path)
		switch {
		case err == nil:
			defer lock.Close()
			return os.RemoveAll(path)
		case errors.Is(err, fs.ErrNotExist):
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if signalled { // the cluster is clearing its directory itself just now
				return os.RemoveAll(path)
			}
			return fmt.Errorf("%s is not the directory of a cluster", path)
		case !errors.Is(err, errRunning):
			return err
		}
		if time.Now().After(deadline) {
			if signal == syscall.SIGKILL {
				return fmt.Errorf("%s: the cluster does not end", path)
			}
			signal, deadline = syscall.SIGKILL, time.Now().Add(patience)
		}
		if err := kill(path, signal); err != nil {
			return err
		}
		signalled = true
		time.Sleep(50 * time.Millisecond)
	}
}

// kill signals the process that holds the directory's lock.
func kill(path string, signal syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(path, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has just ended
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil // it has just begun: its number comes next
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}
