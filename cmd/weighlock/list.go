package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// listFlags say where a list goes and in which form.
type listFlags struct{ outputs []string }

var listFormats = []string{"yaml", "json", "text"}

func (f *listFlags) register(c *cobra.Command, format string) {
	c.Flags().StringArrayVarP(&f.outputs, "output", "o", []string{format},
		"`format[=path]`: "+strings.Join(listFormats, ", ")+"; a path alone is a file for YAML, as in Kluctl (repeatable)")
}

func (f *listFlags) parse() ([]output, error) {
	var out []output
	var errs []error
	for _, o := range f.outputs {
		format, path, _ := strings.Cut(o, "=")
		switch {
		case slices.Contains(listFormats, format):
			out = append(out, output{format: format, path: path})
		case o == "-":
			out = append(out, output{format: "yaml"})
		case filepath.Ext(o) != "" || strings.ContainsRune(o, filepath.Separator):
			out = append(out, output{format: "yaml", path: o})
		default:
			errs = append(errs, fmt.Errorf("--output %s: expected one of %s, and =path to write to a file", o, strings.Join(listFormats, ", ")))
		}
	}
	return out, errors.Join(errs...)
}

// writeList writes a list to all outputs; text is its form for people.
func writeList(stdout io.Writer, outputs []output, list any, text string) error {
	var errs []error
	for _, o := range outputs {
		var data []byte
		var err error
		switch o.format {
		case "json":
			data, err = json.MarshalIndent(list, "", "  ")
			data = append(data, '\n')
		case "yaml":
			data, err = yaml.Marshal(list)
		default:
			data = []byte(text)
		}
		if err == nil {
			err = o.write(stdout, data)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// columns aligns rows, whose last cell is free.
func columns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			cell = oneLine(cell)
			row[i] = cell
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
