package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/report"
)

var formats = []string{"text", "json", "yaml", "markdown"}

// outputFlags say where results go and in which form.
type outputFlags struct {
	outputs []string
	short   bool
}

func (f *outputFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.outputs, "output", "o", []string{"text"}, "`format[=path]`: "+strings.Join(formats, ", ")+"; to standard output without a path (repeatable)")
	c.Flags().BoolVar(&f.short, "short-output", false, "name objects in the format text without their differences")
}

// output is one parsed --output.
type output struct {
	format, path string
	short        bool
}

// parse reads the flags, so that a wrong one is refused before anything is done.
func (f *outputFlags) parse() ([]output, error) {
	var out []output
	for _, o := range f.outputs {
		format, path, _ := strings.Cut(o, "=")
		if !slices.Contains(formats, format) {
			return nil, fmt.Errorf("--output %s: expected one of %s, and =path to write to a file", o, strings.Join(formats, ", "))
		}
		o := output{format: format, path: path, short: f.short}
		if o.toFile() {
			// Now, not after the deploy.
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
			if err != nil {
				return nil, fmt.Errorf("--output %s: %w", o, err)
			}
			if err := f.Close(); err != nil {
				return nil, err
			}
		}
		out = append(out, o)
	}
	return out, nil
}

func (o output) toFile() bool { return o.path != "" && o.path != "-" }

func (o output) String() string { return o.format + "=" + o.path }

func (o output) write(stdout io.Writer, data []byte) error {
	if !o.toFile() {
		_, err := stdout.Write(data)
		return err
	}
	if err := os.WriteFile(o.path, data, 0o644); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// write prints a change set, and what became of it if result is not nil, to all outputs.
func write(stdout io.Writer, outputs []output, set *diff.ChangeSet, result *apply.Result) error {
	return writeDocument(stdout, outputs, report.NewDocument(set, result), set, result)
}

// writeDocument is write with a document that says more than that.
func writeDocument(stdout io.Writer, outputs []output, doc report.Document, set *diff.ChangeSet, result *apply.Result) error {
	var errs []error
	for _, o := range outputs {
		data, err := o.encode(doc, set, result)
		if err == nil {
			err = o.write(stdout, data)
		}
		errs = append(errs, err) // the others are still worth having
	}
	return errors.Join(errs...)
}

func (o output) encode(doc report.Document, set *diff.ChangeSet, result *apply.Result) ([]byte, error) {
	switch {
	case o.format == "json":
		return doc.JSON()
	case o.format == "yaml":
		return doc.YAML()
	case o.format == "markdown":
		return []byte(report.ChangeSetMarkdown(set, result)), nil
	case o.short:
		return []byte(report.ShortText(set, result)), nil
	default:
		return []byte(report.Text(set, result)), nil
	}
}

// objects words a number of objects.
func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}
