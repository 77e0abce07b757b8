//go:build long

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// The tutorial's project is deployed to an empty cluster in one go, and a second deploy writes nothing but hooks. What it
// brings concerns the whole cluster, so it has one of its own. Its script is in testdata/tutorial.
func TestLongTheTutorialIsDeployedInOneGo(t *testing.T) {
	t.Parallel()
	c := enginetest.Own(t)
	// The nodes of its entry are marked for it.
	c.Kubectl(t, "label", "node", "fake-0", "ingress-ready=true")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/tutorial", UpdateScripts: *update, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"run": runInside, "publish": publishCharts, "writes": listWrites(t, c)},
		Setup: func(env *testscript.Env) error {
			audit := c.Audit(t)
			env.Values[auditKey{}] = &audit
			env.Values[chartServerKey{}] = newChartServer()
			env.Setenv("KUBECONFIG", c.Kubeconfig())
			tutorial, err := filepath.Abs("../../testdata/projects/tutorial")
			env.Setenv("TUTORIAL", tutorial)
			kubectl, pathErr := filepath.Abs(c.KubectlPath())
			env.Setenv("PATH", filepath.Dir(kubectl)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return errors.Join(err, pathErr)
		},
	})
}
