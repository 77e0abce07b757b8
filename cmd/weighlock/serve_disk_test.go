package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// The disk of the database fills up under load: what cannot be kept is answered by 503, and the server says that it is not ready. Once there is
// room again, all goes on by itself, and all that was accepted is done once.
func TestServeOutlivesAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disk := newDisk(t, dir, "12m")
	l := &load{T: t, within: func(string) []string { return disk.within }}
	l.open(filepath.Join(dir, "weighlock.db"))
	s := l.servers[0]
	ready := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			if _, err := s.Get(t.Context(), "/readyz"); (err == nil) == want {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("ready: %v\n%s", err, s.Log())
			}
		}
	}
	var accepted []forge.Comment
	var refused []forgetest.Webhook
	// comment delivers a comment that asks for something, and reports whether it was taken.
	comment := func() bool {
		t.Helper()
		c := l.forge.Comment(testRepo, 1+len(l.asked)%loadPulls, writer, "/help")
		l.asked = append(l.asked, c)
		hook := l.forge.CommentWebhook(c)
		switch status, err := s.Deliver(t.Context(), hook); {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusOK:
			accepted = append(accepted, c)
			return true
		case status != http.StatusServiceUnavailable:
			t.Fatalf("status %d", status)
		}
		refused = append(refused, hook)
		return false
	}
	for round := range 3 {
		ready(true)
		for range 5 {
			if !comment() {
				t.Fatal("not taken, although there is room")
			}
		}
		disk.fill(t)
		for tries := 0; comment(); tries++ {
			if tries > 2000 {
				t.Fatal("the disk is full, and all is taken")
			}
		}
		ready(false)
		comment()
		disk.empty(t)
		if round == 1 { // also by a new process
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			l.start(s)
		}
	}
	ready(true)
	if len(refused) == 0 || !strings.Contains(s.Log(), "full") {
		t.Errorf("%d refused, and the log does not say that the disk is full:\n%s", len(refused), s.Log())
	}
	for _, hook := range refused { // as a forge does that is asked to
		l.deliver(hook, 0)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if err := s.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d deliveries taken, %d refused with 503", len(accepted), len(refused))
	l.answeredOnce()
}

// The disk of the mirrors is full when a push comes: it is put off, and dealt with once there is room.
func TestServePutsOffWhatADiskHasNoRoomFor(t *testing.T) {
	t.Parallel()
	var disk *smallDisk
	l := &load{T: t, within: func(dir string) []string {
		cache := filepath.Join(dir, "cache")
		if err := os.Mkdir(cache, 0o700); err != nil {
			t.Fatal(err)
		}
		disk = newDisk(t, cache, "4m")
		return disk.within
	}}
	l.open("")
	s := l.servers[0]
	disk.fill(t)
	if status, err := s.Deliver(t.Context(), l.forge.PushWebhook(forgetest.Push{Repo: testRepo, Branch: "main", After: l.base, By: writer})); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	for deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond); !strings.Contains(s.Log(), `"msg":"run ended"`); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not end")
		}
	}
	disk.empty(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	if log := s.Log(); !strings.Contains(log, `"state":"waiting"`) || !strings.Contains(log, `"state":"done"`) || strings.Contains(log, `"state":"failed"`) {
		t.Error("it was not put off and done")
	}
}

// A smallDisk is a file system in a namespace of its own, which a process keeps until the test ends. Who may make namespaces needs no rights for that.
type smallDisk struct {
	// within is a command that runs others where it is seen.
	within []string
	filler string
}

// newDisk puts a file system of a size at a directory.
func newDisk(t *testing.T, dir, size string) *smallDisk {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size="$1" tmpfs "$0" && echo mounted && exec cat`, dir, size)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it ends with its input
	})
	said := make([]byte, len("mounted"))
	if _, err := io.ReadFull(stdout, said); err != nil {
		// The system may forbid namespaces; tests of the queue fill a database up everywhere.
		t.Skip("no file system can be made here without rights:", err)
	}
	holder := strconv.Itoa(cmd.Process.Pid)
	return &smallDisk{
		within: []string{"nsenter", "--user", "--mount", "--preserve-credentials", "--target", holder, "--"},
		filler: filepath.Join("/proc", holder, "root", dir, "filler"),
	}
}

// fill leaves no byte, empty gives the room back.
func (d *smallDisk) fill(t *testing.T) {
	t.Helper()
	f, err := os.Create(d.filler)
	if err != nil {
		t.Fatal(err)
	}
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 4
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (d *smallDisk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.filler); err != nil {
		t.Fatal(err)
	}
}
