//go:build soak

package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	soak     = flag.Duration("soak", 30*time.Minute, "how long TestSoakServe goes on")
	soakRate = flag.Int("soak-rate", 10, "how many calls for help a second TestSoakServe delivers")
)

// What is sampled, and how much more of it there may be at the end than after the warm-up: a factor, and what is noise anyway.
var sampled = []struct {
	metric string
	factor float64
	noise  float64
}{
	{"process_resident_memory_bytes", 1.25, 16 << 20},
	{"go_gc_heap_live_bytes", 1.1, 4 << 20},
	{"go_goroutines", 1.25, 20},
	{"process_open_fds", 1.25, 20},
}

// rowBytes is how much of the database a delivery may keep: it is known for a month, without its payload.
const rowBytes = 2 << 10

// TestSoakServe lets a server work at a steady load, and fails when what it holds grows steadily: pull requests are opened, shown,
// deployed from and merged, one after the other and several at a time, on a cluster, while others ask for help.
func TestSoakServe(t *testing.T) {
	l := newLives(&load{T: t, replicas: 1}, "")
	s := l.servers[0]
	ctx, cancel := context.WithTimeout(t.Context(), *soak)
	defer cancel()
	ended := l.begin(ctx, math.MaxInt, *soakRate)

	// A fifth is the warm-up; there are forty samples after it.
	samples := map[string][]float64{}
	tick := time.NewTicker(*soak / 50)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		text, err := s.Get(t.Context(), "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%6s", (time.Duration(n+1) * *soak / 50).Round(time.Second))
		for _, m := range sampled {
			v := metricOf(t, text, m.metric)
			line += fmt.Sprintf("  %s %.0f", m.metric, v)
			if n >= 10 {
				samples[m.metric] = append(samples[m.metric], v)
			}
		}
		size := databaseSize(t, s.Database)
		samples["database"] = append(samples["database"], size)
		t.Logf("%s  database %.0f  deliveries %d  lives %d", line, size, l.delivered.Load(), l.lived.Load())
	}
	<-ended
	l.settled()
	for _, m := range sampled {
		all := samples[m.metric]
		third := len(all) / 3
		if third == 0 {
			t.Fatal("too short")
		}
		first, last := median(all[:third]), median(all[len(all)-third:])
		t.Logf("%s: %.0f at first, %.0f at last", m.metric, first, last)
		if last > first*m.factor+m.noise {
			t.Errorf("%s grows: %.0f at first, %.0f at last", m.metric, first, last)
		}
	}
	sizes, total := samples["database"], l.delivered.Load()
	if grown := sizes[len(sizes)-1] - sizes[0]; grown > float64(total)*rowBytes+16<<20 {
		t.Errorf("the database grew by %.0f bytes for %d deliveries", grown, total)
	}
	if l.lived.Load() == 0 {
		t.Error("no pull request has come to its end")
	}
	t.Logf("%d deliveries, and %d pull requests from their opening to the deploy of their merge, in %s", total, l.lived.Load(), *soak)
}

func metricOf(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func databaseSize(t *testing.T, path string) float64 {
	t.Helper()
	total := 0.0
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			total += float64(info.Size())
		}
	}
	return total
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
