package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/doctor"
	"github.com/weighlock/weighlock/engine/project"
)

// doctorFlags say which identities are examined.
type doctorFlags struct {
	kubeconfig, context               string
	previewKubeconfig, previewContext string
	previewAs                         string
	records                           recordFlags
	patience                          time.Duration
	output                            string
}

func (f *doctorFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file` of the identity that deploys; default: $KUBECONFIG, then ~/.kube/config")
	flags.StringVar(&f.context, "context", "", "its `context`; default: the current one")
	flags.StringVar(&f.previewKubeconfig, "preview-kubeconfig", "", "kubeconfig `file` of the identity that previews; default: the same")
	flags.StringVar(&f.previewContext, "preview-context", "", "its `context`")
	flags.StringVar(&f.previewAs, "preview-as", "", "the `user` that previews, such as system:serviceaccount:weighlock:weighlock-preview; for who may impersonate it")
	flags.DurationVar(&f.patience, "wait", 0, "for how long to look again while a check fails")
	flags.StringVarP(&f.output, "output", "o", "text", "`format`: text or json")
	flags.Duration(timeoutFlag, defaultTimeout, "give up after this `duration`; 0 never does")
	f.records.register(c)
}

func doctorCommand(p process) *cobra.Command {
	var flags doctorFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Prove that a cluster is set up for deploys and previews",
		Long: "Prove on a cluster that it answers, that locks and results can be kept, and, where an identity for previews is named, that it can\n" +
			"make dry runs and can change nothing: each is tried, in ways that change nothing themselves, and what cannot be tried is read from\n" +
			"policies and rights. What is not shown is a warning. The exit code is 1 if a check fails.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.output != "text" && flags.output != "json" {
				return fmt.Errorf("--output %s: expected text or json", flags.output)
			}
			e, err := flags.examination(p)
			if err != nil {
				return err
			}
			findings := flags.examine(cmd.Context(), e)
			if err := writeFindings(p, flags.output, findings); err != nil {
				return err
			}
			if !doctor.Healthy(findings) {
				return &exitCode{code: 1, err: errors.New("some checks failed")}
			}
			return nil
		},
	}
	flags.register(c)
	return c
}

func (f *doctorFlags) examination(p process) (doctor.Examination, error) {
	e := doctor.Examination{Records: f.records.namespace}
	cluster, err := connect(p, f.kubeconfig, project.Target{Context: f.context})
	if err != nil {
		return e, err
	}
	e.Deploys = cluster.Patient()
	if f.previewKubeconfig == "" && f.previewContext == "" && f.previewAs == "" {
		return e, nil
	}
	kubeconfig, context := f.previewKubeconfig, f.previewContext
	if kubeconfig == "" {
		kubeconfig = f.kubeconfig
		if context == "" {
			context = f.context
		}
	}
	previews, err := connectAs(p, kubeconfig, project.Target{Context: context}, f.previewAs)
	if err != nil {
		return e, fmt.Errorf("previews: %w", err)
	}
	e.Previews = previews.Patient()
	return e, nil
}

// doctorPause is how long nothing is asked between two looks.
const doctorPause = time.Second

// examine looks again while something is wrong and there is time: rights and policies take a moment until they hold.
func (f *doctorFlags) examine(ctx context.Context, e doctor.Examination) []doctor.Finding {
	for began := time.Now(); ; {
		findings := doctor.Examine(ctx, e)
		if doctor.Healthy(findings) || ctx.Err() != nil || time.Since(began)+doctorPause > f.patience {
			return findings
		}
		select {
		case <-ctx.Done():
			return findings
		case <-time.After(doctorPause):
		}
	}
}

func writeFindings(p process, format string, findings []doctor.Finding) error {
	if format == "json" {
		data, err := json.MarshalIndent(findings, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, string(data))
		return err
	}
	for _, f := range findings {
		fmt.Fprintf(p.stdout, "%-8s %s: %s\n", f.Status, f.Check, oneLine(f.Detail))
		if f.Remedy != "" && f.Status != doctor.OK {
			fmt.Fprintf(p.stdout, "%-8s %s\n", "", f.Remedy)
		}
	}
	return nil
}
