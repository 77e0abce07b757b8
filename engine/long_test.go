//go:build long

package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var trees = flag.Uint64("trees", 20, "how many random projects TestLongRandomTreesKeepTheirOrder deploys")

func TestLongRandomTreesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	keepsOrder(t, 1000, *trees)
}

// Deploys through a proxy that fails requests. Without -faults-seed each run has faults of its own.
func TestLongWhatADeploySaysIsSoThroughFaults(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := *faultsSeed
		if seed == 0 {
			seed = rand.Uint64()
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			deployThroughFaults(t, seed, *faultyDeploys/4, []float64{0.02, 0.1, 0.3, 0.5})
		})
	}
}

var (
	faultyDeploys = flag.Int("faulty-deploys", 40, "how many deploys TestLongWhatADeploySaysIsSoThroughFaults does")
	faultsSeed    = flag.Uint64("faults-seed", 0, "what decides the faults of TestLongWhatADeploySaysIsSoThroughFaults")
)
