package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// writeTable prints the figures as a Markdown table that can also be read as it is.
func writeTable(to io.Writer, figures []figure) error {
	w := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| project\t| objects\t| scenario\t| wall s\t| CPU s\t| peak MB\t| ratio to floor\t| requests\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, f := range figures {
		fmt.Fprintf(w, "| %s\t| %d\t| %s\t| %.2f\t| %s\t| %s\t| %s\t| %s\t|\n",
			f.Project, f.Objects, f.Scenario, f.Wall, number("%.2f", f.CPU), number("%.0f", f.Memory), number("%.2f", f.Ratio), counts(f.Requests))
	}
	return w.Flush()
}

func number(format string, n float64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

func counts(m map[string]int) string {
	var out []string
	for _, verb := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%d %s", m[verb], verb))
	}
	return strings.Join(out, ", ")
}
