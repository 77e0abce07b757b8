package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

func renderCommand(p process) *cobra.Command {
	var target targetFlags
	var out outputFlags
	var how renderFlags
	var dir manifestDir
	c := &cobra.Command{
		Use:   "render",
		Short: "Print the objects of a target as YAML, or write them to a directory",
		Long: "Print the objects of a target as YAML, in the order in which they are applied. Secrets are printed as they are.\n" +
			"With --render-output-dir they are written there instead, a file an object, below the directories of their items.\n" +
			"The cluster is asked for its version and its kinds, unless --offline-kubernetes is given.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			proj, t, err := target.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer proj.Close()
			opts, err := how.options(p, target.kubeconfig, t)
			if err != nil {
				return err
			}
			m, err := engine.Render(cmd.Context(), proj, t, opts)
			if err != nil {
				return err
			}
			warn(p, m.Warnings)
			if t.Derived {
				fmt.Fprintf(p.stderr, "Note: the project sets no discriminator; %s is derived from the repository's remote\n", t.Discriminator)
			}
			if err := dir.write(p, m); err != nil {
				return err
			}
			if dir.path != "" && !cmd.Flags().Changed("print-all") && !cmd.Flags().Changed("output") {
				return nil
			}
			return writeManifests(p.stdout, outputs, m)
		},
	}
	target.register(c)
	out.register(c)
	how.register(c)
	c.Flags().Bool("print-all", false, "print all objects, also with --render-output-dir; without it, that is what render does")
	dir.register(c)
	return c
}

// manifestDir is a directory that the objects are written to besides.
type manifestDir struct{ path string }

func (d *manifestDir) register(c *cobra.Command) {
	c.Flags().StringVar(&d.path, "render-output-dir", "", "`directory` to write the rendered objects to; what an earlier run wrote there and is no more is removed")
}

func (d *manifestDir) write(p process, m *render.Manifests) error {
	p.log.rendered(m)
	if d.path == "" {
		return nil
	}
	return render.WriteDirectory(d.path, m)
}

func warn(p process, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(p.stderr, "Warning:", report.Visible(w))
	}
}

// writeManifests prints the objects to all outputs: as YAML documents, as a JSON list, or as a Markdown code block.
func writeManifests(stdout io.Writer, outputs []output, m *render.Manifests) error {
	for _, o := range outputs {
		data, err := encodeManifests(o.format, m)
		if err != nil {
			return err
		}
		if err := o.write(stdout, data); err != nil {
			return err
		}
	}
	return nil
}

func encodeManifests(format string, m *render.Manifests) ([]byte, error) {
	if format == "json" {
		list := []object.Object{}
		for o := range m.All() {
			list = append(list, o.Object)
		}
		data, err := json.MarshalIndent(list, "", "  ")
		return append(data, '\n'), err
	}
	var b bytes.Buffer
	for o := range m.All() {
		data, err := o.Object.YAML()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Object.Ref(), err)
		}
		if b.Len() > 0 {
			b.WriteString("---\n")
		}
		b.Write(data)
	}
	if format == "markdown" {
		return []byte(report.Fence("yaml", b.String())), nil
	}
	return b.Bytes(), nil
}
