package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// series are the scenarios that the plot shows, and their colours.
var series = []struct{ scenario, colour string }{
	{"kubectl diff --server-side", "#8250df"},
	{"kubectl apply --dry-run=server", "#bf8700"},
	{"diff, empty cluster", "#0969da"},
	{"floor: dry runs, empty cluster", "#8c959f"},
	{"diff, nothing changed", "#1a7f37"},
	{"render", "#cf222e"},
}

// Sizes of the plot, in pixels.
const (
	plotWidth, plotHeight                 = 860, 460
	plotLeft, plotRight, plotTop, plotLow = 60, 250, 20, 50
)

// writePlot draws the wall time of projects of items by their number of objects, both axes logarithmic, as SVG.
func writePlot(w io.Writer, figures []figure) error {
	points := map[string][]figure{}
	least, most := math.Inf(1), math.Inf(-1)
	fewest, many := math.Inf(1), math.Inf(-1)
	for _, f := range figures {
		if !strings.HasSuffix(f.Project, " items") || f.Wall <= 0 {
			continue
		}
		for _, s := range series {
			if s.scenario == f.Scenario {
				points[f.Scenario] = append(points[f.Scenario], f)
				least, most = min(least, f.Wall), max(most, f.Wall)
				fewest, many = min(fewest, float64(f.Objects)), max(many, float64(f.Objects))
			}
		}
	}
	if len(points) == 0 || fewest == many {
		return fmt.Errorf("a plot needs projects of items of two sizes at least")
	}
	x := axis{fewest, many, plotLeft, plotWidth - plotRight}
	y := axis{least, most, plotHeight - plotLow, plotTop}
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", plotWidth, plotHeight)
	for _, n := range ticks(fewest, many) {
		fmt.Fprintf(&b, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%d\" y2=\"%d\" stroke=\"#d0d7de\"/><text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x.at(n), x.at(n), plotTop, plotHeight-plotLow, x.at(n), plotHeight-plotLow+18, n)
	}
	for _, n := range ticks(least, most) {
		fmt.Fprintf(&b, "<line x1=\"%d\" x2=\"%d\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#d0d7de\"/><text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%g s</text>\n", plotLeft, plotWidth-plotRight, y.at(n), y.at(n), plotLeft-6, y.at(n)+4, n)
	}
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">objects</text>\n", (plotLeft+plotWidth-plotRight)/2, plotHeight-12)
	for i, s := range series {
		all := points[s.scenario]
		if len(all) == 0 {
			continue
		}
		slices.SortFunc(all, func(a, b figure) int { return a.Objects - b.Objects })
		var line []string
		for _, f := range all {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x.at(float64(f.Objects)), y.at(f.Wall)))
			fmt.Fprintf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x.at(float64(f.Objects)), y.at(f.Wall), s.colour)
		}
		fmt.Fprintf(&b, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", strings.Join(line, " "), s.colour)
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>\n", plotWidth-plotRight+20, plotTop+22*i, s.colour, plotWidth-plotRight+38, plotTop+22*i+11, s.scenario)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// axis maps values to pixels, logarithmically.
type axis struct {
	least, most float64
	from, to    float64
}

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.least)/math.Log(a.most/a.least)
}

// ticks are the numbers 1, 2 and 5 of each power of ten in a range.
func ticks(least, most float64) (out []float64) {
	for power := math.Pow(10, math.Floor(math.Log10(least))); power <= most; power *= 10 {
		for _, n := range []float64{1, 2, 5} {
			if v := n * power; v >= least && v <= most {
				out = append(out, math.Round(v*1e6)/1e6)
			}
		}
	}
	return out
}
