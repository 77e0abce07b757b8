// Command bench measures what a preview and a deploy cost, as processes on a real API server, against the floor: the least
// that any client could do, measured in the same run.
//
// It expects a running test cluster (WEIGHLOCK_TEST_CLUSTER) and bin/weighlock: run it with make bench. docs/performance.md
// explains the figures.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], readEnvironment, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings say what is measured.
type settings struct {
	weighlock string
	items     []int
	releases  []int
	runs      int
	kubectl   int
	floor     bool
	away      time.Duration
	json      string
	plot      string
}

func parse(args []string) (settings, error) {
	s := settings{items: []int{20, 100, 400}, releases: []int{20}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.weighlock, "weighlock", "bin/weighlock", "the program to measure")
	flags.Func("items", "sizes of projects in items of five objects, such as 20,100,400", numbers(&s.items))
	flags.Func("releases", "sizes of projects in Helm releases", numbers(&s.releases))
	flags.IntVar(&s.runs, "runs", 3, "how often each is run; the median is told")
	flags.IntVar(&s.kubectl, "kubectl", 100, "up to how many items kubectl is measured, too")
	flags.BoolVar(&s.floor, "floor", true, "also measure the floors; memory and requests can be had without")
	flags.DurationVar(&s.away, "away", 0, "put the API server this far away: the time of a round trip, such as 40ms")
	flags.StringVar(&s.json, "json", "", "also write the figures to this file")
	flags.StringVar(&s.plot, "plot", "", "also draw them into this file, as SVG")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var err error
	s.weighlock, err = filepath.Abs(s.weighlock)
	return s, err
}

func numbers(to *[]int) func(string) error {
	return func(text string) error {
		*to = nil
		for _, part := range strings.Split(text, ",") {
			if part == "" {
				continue
			}
			n, err := strconv.Atoi(part)
			if err != nil || n <= 0 {
				return fmt.Errorf("%q is no size", part)
			}
			*to = append(*to, n)
		}
		return nil
	}
}

func run(ctx context.Context, args []string, cluster func() (environment, error), stdout, stderr io.Writer) (err error) {
	s, err := parse(args)
	if err != nil {
		return err
	}
	env, err := cluster()
	if err != nil {
		return err
	}
	b := &bench{settings: s, env: env, progress: stderr, suffix: strings.ToLower(rand.Text()[:5])}
	dir, err := os.MkdirTemp("", "weighlock-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer func() { err = errors.Join(err, b.logout(context.WithoutCancel(ctx))) }()
	if err := b.login(ctx, dir); err != nil {
		return err
	}
	var all []figure
	for _, n := range s.items {
		figures, err := b.measure(ctx, itemProject(n))
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	for _, n := range s.releases {
		figures, err := b.measure(ctx, releaseProject(n))
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	if err := writeTable(stdout, all); err != nil {
		return err
	}
	if s.plot != "" {
		if err := s.draw(all); err != nil {
			return err
		}
	}
	if s.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.json, append(data, '\n'), 0o644)
}

func (s settings) draw(all []figure) error {
	file, err := os.Create(s.plot)
	if err != nil {
		return err
	}
	return errors.Join(writePlot(file, all), file.Close())
}

// environment is the test cluster, as its program tells it.
type environment struct {
	Kubeconfig string `json:"kubeconfig"`
	AuditLog   string `json:"audit_log"`
	Kubectl    string `json:"kubectl"`
}

func readEnvironment() (environment, error) {
	var out environment
	name := os.Getenv("WEIGHLOCK_TEST_CLUSTER")
	if name == "" {
		return out, errors.New("there is no test cluster: run make bench")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(data, &out)
}
