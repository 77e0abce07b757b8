package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

var update = flag.Bool("update", false, "rewrite the expectations")

// asProgram makes the test binary behave as the program: tests run it as a process.
const asProgram = "WEIGHLOCK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == compareOffline || os.Getenv(asProgram) != "" {
		minPause = 100 * time.Millisecond
		main()
	}
	quiet()
	testscript.Main(m, map[string]func(){"weighlock": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(run(ctx, process{args: os.Args[1:], getenv: os.Getenv, lookupenv: os.LookupEnv, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
	}})
}

// Scripts of commands that need no cluster. "exec weighlock" runs the program as a process; "run" runs it inside of
// this one, which is faster, with the script's directory as the project's. Those with a number prove that paragraph of the
// project format. $SOURCES is a web server of the script's www directory: see serveSources.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run": runInside, "gitcommit": gitCommitCommand, "ocipush": ociPushCommand,
			"publish": publishCharts, "expand": expandFiles, "objects": listObjects, "encrypt": encryptFiles,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("SOURCES", serveSources(t, filepath.Join(env.WorkDir, "www")))
			env.Values[chartServerKey{}] = newChartServer()
			tutorial, err := filepath.Abs("../../testdata/projects/tutorial")
			env.Setenv("TUTORIAL", tutorial)
			return errors.Join(err, startRemotes(env))
		},
	})
}

func runInside(ts *testscript.TestScript, neg bool, args []string) {
	if i := slices.Index(args, "--project-dir") + 1; i > 0 && i < len(args) {
		args[i] = ts.MkAbs(args[i])
	} else {
		args = append(args, "--project-dir", ts.MkAbs("."))
	}
	lookup := func(name string) (string, bool) { v := ts.Getenv(name); return v, v != "" }
	var environ []string // as far as git needs it
	for _, name := range []string{"PATH", "HOME", "GIT_CONFIG_NOSYSTEM"} {
		environ = append(environ, name+"="+ts.Getenv(name))
	}
	code := run(context.Background(), process{
		args: args, getenv: ts.Getenv, lookupenv: lookup, environ: environ, stdin: strings.NewReader(""), stdout: ts.Stdout(), stderr: ts.Stderr(),
	})
	if (code != 0) != neg {
		ts.Fatalf("unexpected exit code %d", code)
	}
}

// Scripts of commands on a cluster: $NS is a fresh namespace, $KUBECONFIG an administrator's, $RESTRICTED that of a user
// without rights. "writes" tells what the program has written, by the server's log.
func TestClusterScripts(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/cluster", UpdateScripts: *update, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"run": runInside, "writes": listWrites(t, c), "matches-schema": matchesSchema, "encrypt": encryptFiles, "gitcommit": gitCommitCommand,
		},
		Setup: func(env *testscript.Env) error {
			if err := startRemotes(env); err != nil {
				return err
			}
			env.Setenv("NS", c.Namespace(t))
			audit := c.Audit(t)
			env.Values[auditKey{}] = &audit
			deploy, err := filepath.Abs("../../deploy")
			if err != nil {
				return err
			}
			env.Setenv("DEPLOY", deploy)
			env.Setenv("KUBECONFIG", c.Kubeconfig())
			env.Setenv("RESTRICTED", c.RestrictedKubeconfig())
			kubectl, err := filepath.Abs(c.KubectlPath())
			env.Setenv("PATH", filepath.Dir(kubectl)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return err
		},
	})
}
