// Command cluster runs a Kubernetes control plane for tests: etcd, kube-apiserver,
// kube-controller-manager and kube-scheduler, with kwok in the place of nodes and kubelets.
//
//	cluster run [--dir DIR]            until standard input closes, SIGINT or SIGTERM
//	cluster up --dir DIR [--detach]    until SIGINT, SIGTERM or "cluster down"
//	cluster down --dir DIR             ends it and removes DIR
//
// run and up print the path of env.json (see Env) as soon as the cluster is ready to serve. Without
// --dir, run uses a temporary directory. The components are this same program under other names, so
// that one binary (and kwok beside it) is all that is needed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fatal(errors.New("usage: cluster run|up|down [--dir DIR]"))
	}
	name, args := os.Args[1], os.Args[2:]
	if component, ok := components[name]; ok {
		fatal(component(args))
	}
	fatal(command(name, args))
}

// fatal ends the program: with 0 where there is no error.
func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func command(name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the cluster: created, and removed at its end")
	var detach *bool
	if name == "up" {
		detach = flags.Bool("detach", false, "return when the cluster is ready and leave it running")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *dir == "" && name != "run" {
		return fmt.Errorf("%s needs --dir", name)
	}
	if *dir != "" {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = abs
	}
	switch {
	case name == "run":
		return run(*dir, true)
	case name == "up" && *detach:
		return upDetached(*dir)
	case name == "up":
		return run(*dir, false)
	case name == "down":
		return down(*dir)
	}
	return fmt.Errorf("unknown command %q: run, up or down", name)
}

// errAsked is the cause of an end that somebody wanted.
var errAsked = errors.New("asked to end")

// run starts a cluster, prints where its env.json is, and stays until it is asked to end or until a
// component dies, which is an error. What an orderly end leaves is nothing; after an error a directory
// that the caller named stays, with error.txt and the components' logs.
func run(dir string, untilStdinCloses bool) (err error) {
	// The reader of our output may be gone before us; that must not keep us from tidying up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		end(errAsked)
	}()
	if untilStdinCloses {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // whatever the error is: nobody holds the other end any more
			end(errAsked)
		}()
	}

	home, err := claim(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil || dir == "" {
			err = errors.Join(err, os.RemoveAll(home.path))
		} else {
			// Who started us may have gone.
			err = errors.Join(err, os.WriteFile(filepath.Join(home.path, "error.txt"), []byte(err.Error()+"\n"), 0o600))
		}
		home.release()
	}()

	c, err := start(ctx, home.path)
	defer c.stop()
	if err == nil {
		fmt.Println(filepath.Join(home.path, envFile))
		<-c.ctx.Done()
		err = context.Cause(c.ctx)
	}
	if errors.Is(err, errAsked) {
		return nil
	}
	return err
}
