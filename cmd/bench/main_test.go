package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// All scenarios run, of projects of the smallest sizes, and each asks the server what its name says.
func TestBenchOfTheSmallestSizesOnACluster(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "weighlock")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", program, "../weighlock").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var table bytes.Buffer
	args := []string{"-weighlock", program, "-items", "1,2", "-releases", "1", "-runs", "1", "-kubectl", "1", "-away", "1ms", "-json", filepath.Join(dir, "figures.json"), "-plot", filepath.Join(dir, "plot.svg")}
	if err := run(t.Context(), args, func() (environment, error) {
		return environment{Kubeconfig: c.Kubeconfig(), AuditLog: c.AuditLog(), Kubectl: c.KubectlPath()}, nil
	}, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "figures.json"))
	if err != nil {
		t.Fatal(err)
	}
	var figures []figure
	if err := json.Unmarshal(data, &figures); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, f := range figures {
		got[f.Project] = append(got[f.Project], f.Scenario)
		if !strings.Contains(table.String(), f.Scenario) || f.Wall <= 0 {
			t.Errorf("%s: %s: %+v is not in the table, or took no time", f.Project, f.Scenario, f)
		}
	}
	const objects = 5
	for _, c := range []struct {
		scenario string
		requests map[string]int
	}{
		{"start of the process", nil}, {"render", nil},
		{"floor: dry runs, empty cluster", map[string]int{"dry run": objects}},
		{"diff, empty cluster", map[string]int{"dry run": objects}},
		{"deploy", map[string]int{"dry run": objects, "patch": objects}},
		{"floor: dry runs", map[string]int{"dry run": objects}}, {"floor: reads", map[string]int{"list": objects}},
		{"diff, nothing changed", map[string]int{"dry run": 1}}, // whether the server warns of pods
		{"diff, 1 % changed", map[string]int{"dry run": 2}},
		{"deploy, nothing changed", map[string]int{"dry run": 1, "patch": 0}},
		{"kubectl apply --dry-run=server", map[string]int{"dry run": objects}}, {"kubectl diff --server-side", map[string]int{"dry run": objects}},
		{"floor: first writes", map[string]int{"patch": objects}},
	} {
		at := slices.IndexFunc(figures, func(f figure) bool { return f.Project == "1 items" && f.Scenario == c.scenario })
		if at < 0 {
			t.Errorf("%s was not measured", c.scenario)
			continue
		}
		for verb, n := range c.requests {
			if is := figures[at].Requests[verb]; is != n {
				t.Errorf("%s: %d requests to %s, want %d", c.scenario, is, verb, n)
			}
		}
	}
	if len(got) != 3 || len(got["2 items"]) != len(got["1 items"])-2 || len(got["1 releases"]) != len(got["1 items"]) {
		t.Errorf("not all projects were measured: %v", got)
	}
	if plot, err := os.ReadFile(filepath.Join(dir, "plot.svg")); err != nil || !bytes.Contains(plot, []byte("diff, nothing changed")) {
		t.Errorf("the plot is %d bytes, %v", len(plot), err)
	}
}

// The audit log may have half a line when a measurement begins, and half a line when it ends: others write there too.
func TestRequestsAreCountedFromWithinALine(t *testing.T) {
	t.Parallel()
	b := &bench{env: environment{AuditLog: filepath.Join(t.TempDir(), "audit.log")}}
	line := func(uri string) string {
		return `{"stage":"ResponseComplete","verb":"patch","requestURI":"` + uri + `","userAgent":"weighlock/1","objectRef":{"resource":"pods"},"user":{"username":"system:serviceaccount:default:` + b.account() + `"}}` + "\n"
	}
	before, one, two := line("/before"), line("/one"), line("/two?dryRun=All")
	if err := os.WriteFile(b.env.AuditLog, []byte(before+one+two+before[:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[int]map[string]int{
		0:                          {"patch": 2, "dry run": 1},
		10:                         {"patch": 1, "dry run": 1},
		len(before) - 1:            {"patch": 1, "dry run": 1},
		len(before):                {"patch": 1, "dry run": 1},
		len(before) + 1:            {"dry run": 1},
		len(before + one + two):    {},
		len(before+one+two) + 20:   {},
		len(before+one+two) + 2000: {},
	} {
		if got, err := b.requests(int64(from), "weighlock/"); err != nil || !maps.Equal(got, want) {
			t.Errorf("from %d: %v, %v; want %v", from, got, err, want)
		}
	}
}

// What goes away arrives a round trip later, and is what it was.
func TestAwayIsLaterAndTheSame(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	const delay = 20 * time.Millisecond
	began := time.Now()
	var arrived bytes.Buffer
	go func() {
		for range 3 {
			out.Write([]byte("hello "))
		}
		out.Close()
	}()
	later(&arrived, in, delay)
	if arrived.String() != "hello hello hello " {
		t.Errorf("%q has arrived", arrived.String())
	}
	if took := time.Since(began); took < delay {
		t.Errorf("it took %v", took)
	}
}
