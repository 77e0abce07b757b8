//go:build unix

package jinja_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/weighlock/weighlock/engine/jinja"
)

// python returns what one render and one parse of bench.j2 take in Python, in
// nanoseconds of processor time, measured now; ok is false where Python or
// Jinja2 is missing.
var python = sync.OnceValues(func() (times [2]float64, ok bool) {
	out, err := exec.Command("python3", "../../testdata/jinja/bench.py").Output()
	if err != nil {
		return times, false
	}
	_, err = fmt.Sscan(string(out), &times[0], &times[1])
	times[0] *= 1000
	times[1] *= 1000
	return times, err == nil
})

func benchData(b testing.TB) (source string, vars map[string]any) {
	b.Helper()
	src, err := os.ReadFile("../../testdata/jinja/bench.j2")
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile("../../testdata/jinja/handmade.json")
	if err != nil {
		b.Fatal(err)
	}
	var file struct {
		Ctx map[string]any `json:"ctx"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		b.Fatal(err)
	}
	// What a YAML reader gives: integers are integers.
	return string(src), integers(file.Ctx).(map[string]any)
}

func integers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = integers(v[k])
		}
	}
	return v
}

// cpuTime is the processor time that this process has used: unlike the time on
// the clock it does not depend on what else the machine does.
func cpuTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// reportRatio reports the processor time of an operation since start, garbage
// collection included, and its ratio to Python's.
func reportRatio(b *testing.B, start float64, which int) {
	perOp := (cpuTime(b) - start) / float64(b.N)
	b.ReportMetric(perOp, "cpu-ns/op")
	if times, ok := python(); ok {
		b.ReportMetric(perOp/times[which], "of-python")
		b.ReportMetric(times[which], "python-cpu-ns/op")
	}
}

func BenchmarkRender(b *testing.B) {
	source, vars := benchData(b)
	tpl, err := jinja.New(jinja.Options{}).Parse("bench.j2", source)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		if _, err := tpl.Render(ctx, vars); err != nil {
			b.Fatal(err)
		}
	}
	reportRatio(b, start, 0)
}

func BenchmarkRenderParallel(b *testing.B) {
	source, vars := benchData(b)
	tpl, err := jinja.New(jinja.Options{}).Parse("bench.j2", source)
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := tpl.Render(context.Background(), vars); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	source, _ := benchData(b)
	env := jinja.New(jinja.Options{})
	b.ReportAllocs()
	start := cpuTime(b)
	sources := [2]string{source, source + " "}
	n := 0
	for b.Loop() {
		n++
		// The environment keeps the last text of a name, so it must differ.
		if _, err := env.Parse("bench.j2", sources[n%2]); err != nil {
			b.Fatal(err)
		}
	}
	reportRatio(b, start, 1)
}

func TestRenderAllocatesLittle(t *testing.T) {
	source, vars := benchData(t)
	tpl, err := jinja.New(jinja.Options{}).Parse("bench.j2", source)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 600
	allocs := testing.AllocsPerRun(50, func() {
		if _, err := tpl.Render(context.Background(), vars); err != nil {
			t.Fatal(err)
		}
	})
	if allocs >= limit {
		t.Errorf("one render of bench.j2 makes %v allocations, want less than %d", allocs, limit)
	}
}
