//go:build long

package engine_test

import (
	"flag"
	"testing"
)

var trees = flag.Uint64("trees", 20, "how many random projects TestLongRandomTreesKeepTheirOrder deploys")

func TestLongRandomTreesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	keepsOrder(t, 1000, *trees)
}
