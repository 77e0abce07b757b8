// Command weighlock renders deployment projects, says what deploying them would change in a cluster, and deploys them.
//
// This package is wiring: it turns flags, environment and files into values for the engine and the bot, one file a
// subcommand. It is the only place where the concrete types meet.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/report"
)

// version is set by the linker for releases.
var version = "dev"

func main() {
	quiet()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // what cannot be interrupted ends with the second signal
	}()
	code := run(ctx, process{args: os.Args[1:], getenv: os.Getenv, lookupenv: os.LookupEnv, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	os.Exit(code)
}

// process is what the program gets from outside.
type process struct {
	args           []string
	getenv         func(string) string
	lookupenv      func(string) (string, bool)
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer

	log debugLog // of run
}

// exitCode is an error that ends the program with a code of its own. The error, if any, is printed.
type exitCode struct {
	code int
	err  error
}

func (e *exitCode) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitCode) Unwrap() error { return e.err }

// commands are the subcommands.
func commands(p process) []*cobra.Command {
	return []*cobra.Command{
		renderCommand(p), diffCommand(p), deployCommand(p), pokeImagesCommand(p), pruneCommand(p), deleteCommand(p), validateCommand(p), templateCommand(p), actionCommand(p), serveCommand(p),
		listTargetsCommand(p), listImagesCommand(p), varsCommand(p), helmPullCommand(p), helmUpdateCommand(p),
		lockCommand(p), unlockCommand(p), locksCommand(p), explainCommand(p), historyCommand(p), doctorCommand(p), healthCommand(p), compareOfflineCommand(p), versionCommand(p), initCommand(p), rbacCommand(p),
	}
}

// run runs the program and returns its exit code: 0 fine, 1 error, and 2 for diff --exit-code when something would
// change.
func run(ctx context.Context, p process) int {
	stop := func() {}
	defer func() { stop() }()
	p.log = newDebugLog(p)
	debug := false
	root := &cobra.Command{
		Use:           "weighlock",
		Short:         "Preview and deploy Kubernetes projects: what is deployed is what was reviewed",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := flagsFromEnvironment(c, p.getenv); err != nil {
				return err
			}
			if debug {
				p.log.level.Set(slog.LevelDebug)
				p.log.Debug("weighlock "+c.Name(), "version", version)
			}
			warnForeign(c, p)
			var err error
			stop, err = limitTime(c)
			return err
		},
	}
	root.PersistentFlags().BoolVar(&debug, "debug", false, "tell on standard error what is done: what is read from where, and each request to the cluster")
	root.PersistentFlags().Bool("no-color", false, "print without colours, which is what is always done")
	registerForeign(root)
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(commands(p)...)
	done, err := root.ExecuteContextC(ctx)
	if cause := new(timeoutError); err != nil && errors.As(context.Cause(done.Context()), &cause) && !errors.As(err, &cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	var exit *exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(p.stderr, "Error:", report.Visible(exit.err.Error()))
		}
		return exit.code
	default:
		fmt.Fprintln(p.stderr, "Error:", report.Visible(err.Error()))
		return 1
	}
}
