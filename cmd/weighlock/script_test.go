package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

var update = flag.Bool("update", false, "rewrite the expectations")

// asProgram makes the test binary behave as the program: tests run it as a process.
const asProgram = "WEIGHLOCK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"weighlock": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(run(ctx, process{args: os.Args[1:], getenv: os.Getenv, lookupenv: os.LookupEnv, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
	}})
}

// Scripts of commands that need no cluster.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true})
}

// Scripts of commands on a cluster: $NS is a fresh namespace, $KUBECONFIG an administrator's, $RESTRICTED that of a user
// without rights.
func TestClusterScripts(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/cluster", UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NS", c.Namespace(t))
			env.Setenv("KUBECONFIG", c.Kubeconfig())
			env.Setenv("RESTRICTED", c.RestrictedKubeconfig())
			kubectl, err := filepath.Abs(c.KubectlPath())
			env.Setenv("PATH", filepath.Dir(kubectl)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return err
		},
	})
}
