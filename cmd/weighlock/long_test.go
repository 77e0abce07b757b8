//go:build long

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/lock"
)

var kills = flag.Int("kills", 8, "how many deploys TestLongKilledDeploysAreTakenUp kills")

// A deploy that is killed harms nothing: the next one takes its lock over when it has expired, writes what is left and
// nothing twice, and leaves no lock.
func TestLongKilledDeploysAreTakenUp(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	who := c.Identity(t)
	ns, records := c.Namespace(t), c.Namespace(t)
	dir := objects60(t, ns)
	cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{c.Kubeconfig()}})
	if err != nil {
		t.Fatal(err)
	}
	deploy := func(v int) *exec.Cmd { return deploy60(t, dir, who.Kubeconfig, records, v) }
	doomed := func(v int) *exec.Cmd { // its lock expires soon
		cmd := deploy(v)
		cmd.Args = append(cmd.Args, "--lock-duration", "1s")
		return cmd
	}
	finish := func(v int) {
		t.Helper()
		if out, err := deploy(v).CombinedOutput(); err != nil {
			t.Fatalf("deploy of %d: %v\n%s", v, err, out)
		}
	}
	started := time.Now()
	finish(-1)
	whole := time.Since(started)

	seed := rand.Uint64()
	t.Logf("seed %d; a whole deploy takes %s", seed, whole)
	r := rand.New(rand.NewPCG(seed, 1))
	untouched, partly, finished, locked := 0, 0, 0, 0
	for v := range *kills {
		audit := c.Audit(t)
		written := func() map[string]int {
			out := map[string]int{}
			for _, e := range audit.Since(t).By(who).Writes() {
				if e.Resource == "configmaps" && e.Namespace == ns && e.Code < 300 {
					out[e.Name]++
				}
			}
			return out
		}
		if r.IntN(3) == 0 {
			killAfter(t, doomed(v), time.Duration(r.Int64N(int64(whole))))
		} else {
			signalAtObject(t, doomed(v), os.Kill, 1+r.IntN(59))
		}
		switch n := len(written()); n {
		case 0:
			untouched++
		case 60:
			finished++
		default:
			partly++
		}
		if awaitExpiry(t, cluster.Locks(records), ns) {
			locked++
		}
		finish(v)
		for name, n := range written() {
			if n > 1 {
				t.Errorf("kill %d: %s is written %d times", v, name, n)
			}
		}
		values := strings.Fields(c.Kubectl(t, "get", "configmaps", "-n", ns, "-l", "kluctl.io/discriminator="+ns, "-o", `jsonpath={range .items[*]}{.data.v}{"\n"}{end}`))
		if got := strings.Count(" "+strings.Join(values, "  ")+" ", fmt.Sprintf(" %d ", v)); got != 60 || len(values) != 60 {
			t.Errorf("kill %d: %d of %d objects are as they should be", v, got, len(values))
		}
		if left, err := cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
			t.Errorf("kill %d: the locks are %v, %v", v, left, err)
		}
	}
	t.Logf("%d kills: before the first write %d, between writes %d, after the last %d; %d left a lock", *kills, untouched, partly, finished, locked)
	if partly == 0 || locked == 0 {
		t.Errorf("no kill was between two writes and under a lock: this proves nothing")
	}
}

// killAfter kills a deploy after a while, if it is not done.
func killAfter(t *testing.T, cmd *exec.Cmd, after time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // killed
	kill.Stop()
}

// awaitExpiry returns when no lock keeps a run out, and whether there is an expired one.
func awaitExpiry(t *testing.T, locks lock.Records, discriminator string) bool {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		running, err := lock.Running(t.Context(), locks, discriminator, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if running == nil {
			left, err := locks.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(left) > 0
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-tick.C:
		}
	}
}
