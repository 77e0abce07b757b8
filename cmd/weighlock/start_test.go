package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/cmd/weighlock/memory"
)

// mostAtStart bounds what packages allocate before the program begins, in bytes: a tenth above what was measured when it was
// written. Unlike the time it takes, it does not depend on the machine. Who has a reason to exceed it raises it.
const mostAtStart = 12 << 20

// What packages do before the program begins, each command waits for: see docs/performance.md.
func TestTheStartAllocatesNoMoreThanItDid(t *testing.T) {
	t.Parallel()
	const ours = "github.com/weighlock/weighlock/cmd/weighlock/memory"
	cmd := exec.CommandContext(t.Context(), os.Args[0], "version")
	cmd.Env = []string{asProgram + "=1", "GODEBUG=inittrace=1", "HOME=" + t.TempDir()}
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, trace.String())
	}
	total, before := 0, -1
	for line := range strings.Lines(trace.String()) {
		var name string
		var at, clock float64
		var allocated int
		if n, _ := fmt.Sscanf(line, "init %s @%g ms, %g ms clock, %d bytes", &name, &at, &clock, &allocated); n != 4 {
			continue
		}
		if name == ours {
			before, allocated = total, allocated-len(memory.Slack)
		}
		total += allocated
	}
	t.Logf("%d bytes, %d of them before garbage need not be collected any more", total, before)
	if total > mostAtStart {
		t.Errorf("%d bytes are allocated before the program begins, at most %d were expected", total, mostAtStart)
	}
	// The first collection begins at four megabytes.
	if most := 1 << 20; before < 0 || before > most {
		t.Errorf("%s is initialised when %d bytes are allocated, at most %d were expected", ours, before, most)
	}
}
