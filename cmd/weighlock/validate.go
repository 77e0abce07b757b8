package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
	"github.com/weighlock/weighlock/engine/validate"
)

func validateCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var patience, pause time.Duration
	var strict bool
	c := &cobra.Command{
		Use:   "validate",
		Short: "Say whether a target's objects are in its cluster and ready",
		Long:  "Say whether a target's objects are in its cluster and ready. Nothing is written. The exit code is 1 if they are not.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			if pause <= 0 {
				return fmt.Errorf("--sleep %s: expected a duration such as 5s", pause)
			}
			proj, t, err := target.open(ctx, p)
			if err != nil {
				return err
			}
			defer proj.Close()
			cluster, err := connect(p, target.kubeconfig, t)
			if err != nil {
				return err
			}
			rules, err := readiness(proj)
			if err != nil {
				return err
			}
			m, err := engine.Render(ctx, proj, t, render.Options{Reader: cluster.Reader()})
			if err != nil {
				return err
			}
			result, err := untilReady(ctx, m, cluster.Observer(), validate.Options{Rules: rules, Now: time.Now}, rhythm{patience, pause})
			if err != nil {
				return err
			}
			doc := report.NewValidationDocument(result)
			if err := writeValidation(p, outputs, doc); err != nil {
				return err
			}
			switch {
			case !result.Ready():
				return &exitCode{code: 1, err: errors.New("validation failed")}
			case strict && len(result.Warnings) > 0:
				return &exitCode{code: 1, err: errors.New("there are warnings (--warnings-as-errors)")}
			}
			return nil
		},
	}
	target.register(c)
	out.register(c)
	flags := c.Flags()
	flags.DurationVar(&patience, "wait", 0, "for how long to look again while something is not ready")
	flags.DurationVar(&pause, "sleep", 5*time.Second, "pause between two looks")
	flags.BoolVar(&strict, "warnings-as-errors", false, "fail where there are warnings, too")
	return c
}

// rhythm is how long and how often something is looked at.
type rhythm struct{ patience, pause time.Duration }

// untilReady validates until all is ready or the patience is over.
func untilReady(ctx context.Context, m *render.Manifests, o apply.Observer, opts validate.Options, r rhythm) (*validate.Result, error) {
	deadline := time.Now().Add(r.patience)
	for {
		result, err := validate.Validate(ctx, m, o, opts)
		if err != nil || result.Ready() {
			return result, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return result, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("validating: %w", context.Cause(ctx))
		case <-time.After(min(r.pause, left)):
		}
	}
}

// writeValidation prints what was found to all outputs.
func writeValidation(p process, outputs []output, doc report.ValidationDocument) error {
	var errs []error
	for _, o := range outputs {
		data := []byte(doc.Text())
		var err error
		switch o.format {
		case "json":
			data, err = doc.JSON()
		case "yaml":
			data, err = doc.YAML()
		case "markdown":
			data = []byte(report.Fence("", doc.Text()))
		}
		if err == nil {
			err = o.write(p.stdout, data)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
