package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/report"
)

// writing is what commands that write to a target have in common: they show what they are about to do, ask, and do just
// that.
type writing struct {
	process
	outputs []output
	how     applyFlags
	project *project.Project
	target  project.Target
	cluster *kube.Cluster
}

// steps are what a writing does for its command.
type steps struct {
	question string
	run      *engine.Run
	preview  func() (*diff.ChangeSet, error)
	// write carries out what has the given digest; "" is for whatever there is to do now.
	write func(reviewed string) (*diff.ChangeSet, *apply.Result, error)
}

func (w writing) do(ctx context.Context, s steps) error {
	if w.how.dryRun {
		set, err := s.preview()
		if err != nil {
			return err
		}
		return finish(w.process, w.outputs, set, false)
	}
	reviewed := ""
	if !w.how.yes {
		if err := s.run.Held(ctx, w.cluster, w.target); err != nil {
			return fmt.Errorf("nothing is applied: %w", err)
		}
		var err error
		if reviewed, err = confirm(ctx, w.process, s.question, s.preview); err != nil || reviewed == "" {
			return err
		}
	}
	set, result, err := s.write(reviewed)
	if stale := new(diff.StaleError); errors.As(err, &stale) && set != nil {
		// What would be applied now: whoever reads the result must find one, and that it was not carried out.
		return errors.Join(err, writeDocument(w.stdout, w.outputs, report.NewStaleDocument(set, stale), set, nil))
	}
	if err != nil {
		return err
	}
	return outcome(w.process, w.outputs, set, result)
}

// deploy does what the commands do that send what is rendered.
func (w writing) deploy(ctx context.Context, question string, records *runFlags, opts engine.DeployOptions) error {
	if !w.how.yes && !w.how.dryRun {
		// What is confirmed binds the values of Secrets, too. The key need not outlive the question.
		opts.Diff.DigestKey = make([]byte, 32)
		if _, err := rand.Read(opts.Diff.DigestKey); err != nil {
			return err
		}
		opts.Apply.AbortOnError = true
	}
	return w.do(ctx, steps{
		question: question,
		run:      opts.Run,
		preview: func() (*diff.ChangeSet, error) {
			seen := opts
			if !w.how.dryRun {
				seen.Rendered = nil // only of what is deployed
			}
			records.known(ctx, w.process, w.cluster, w.target, &seen.Diff)
			return engine.Preview(ctx, w.project, w.target, w.cluster, seen)
		},
		write: func(reviewed string) (*diff.ChangeSet, *apply.Result, error) {
			opts.Reviewed = reviewed
			return engine.Deploy(ctx, w.project, w.target, w.cluster, opts)
		},
	})
}

// outcome prints what became of a change set and tells by the exit code whether all went well.
func outcome(p process, outputs []output, set *diff.ChangeSet, result *apply.Result) error {
	if err := write(p.stdout, outputs, set, result); err != nil {
		return err
	}
	if err := result.Err(); err != nil {
		return &exitCode{code: 1, err: fmt.Errorf("%s", report.Outcome(result))}
	}
	return nil
}

// confirm shows the diff and asks. It returns the digest of what was confirmed, or "" when there is nothing to do.
func confirm(ctx context.Context, p process, question string, preview func() (*diff.ChangeSet, error)) (string, error) {
	set, err := preview()
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.stderr, report.Text(set, nil))
	if n := len(set.Failures()); n > 0 {
		return "", fmt.Errorf("the dry run of %s failed; nothing is applied", objects(n))
	}
	if !set.Changed() {
		return "", nil
	}
	fmt.Fprint(p.stderr, question, " [y/N] ")
	answer, err := ask(ctx, p.stdin)
	if err != nil {
		return "", err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return "", errors.New("not confirmed; nothing is applied")
	}
	return set.Digest, nil
}

// ask reads a line; an interruption ends the wait.
func ask(ctx context.Context, stdin io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("interrupted; nothing is applied")
	case a := <-got:
		if errors.Is(a.err, io.EOF) && a.line == "" {
			return "", errors.New("nobody is there to confirm; do it without asking with --yes")
		}
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("reading the answer: %w", a.err)
		}
		return a.line, nil
	}
}
