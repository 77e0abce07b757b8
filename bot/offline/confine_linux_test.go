//go:build amd64 || arm64

package offline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// try tries in a confined process what nothing in it may do, and says what went through.
func try(dir string) int {
	without, err := confine(DefaultLimits, dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("without:", strings.Join(without, ", "))
	for name, f := range map[string]func() error{
		"seccomp: a socket":               func() error { _, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); return err },
		"seccomp: a program":              func() error { return exec.Command("/bin/true").Run() },
		"seccomp: a signal":               func() error { return syscall.Kill(os.Getppid(), 0) },
		"Landlock: a file of the machine": func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"Landlock: the environment of who started it": func() error {
			_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", os.Getppid()))
			return err
		},
		"Landlock: a new file": func() error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) },
	} {
		if f() == nil {
			fmt.Println("done:", name)
		}
	}
	if _, err := os.ReadFile(filepath.Join(dir, "file")); err != nil {
		fmt.Println("not done:", err)
	}
	return 0
}

// The system itself refuses what rendering never does, as far as the kernel has what that takes: it says which.
func TestTheProcessIsConfinedByTheSystem(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(os.Args[0], "try", tree(t, map[string]string{"file": "x"})).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	first, rest, _ := strings.Cut(string(out), "\n")
	for line := range strings.Lines(rest) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "done: "), ":")
		if !strings.Contains(first, name+":") {
			t.Errorf("%s%s", line, first)
		}
	}
	t.Log(first)
}
