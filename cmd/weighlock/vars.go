package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine/project"
)

// varsLevel is the variables that some items see.
type varsLevel struct {
	// Items are the directories of the items; Root are the variables of the root deployment file instead, which are seen
	// by all items but those of libraries.
	Items []string   `json:"items,omitempty"`
	Root  bool       `json:"root,omitempty"`
	Vars  []varsLeaf `json:"vars"`

	heading string
	layers  []*project.Layer
}

// varsLeaf is one value and where it is from.
type varsLeaf struct {
	Path      string       `json:"path"`
	Value     any          `json:"value"`
	Sensitive bool         `json:"sensitive,omitempty"`
	Source    varsSource   `json:"source"`
	Overrides []varsSource `json:"overrides,omitempty"`

	leaf project.Leaf
}

type varsSource struct {
	Source string   `json:"source"`
	At     string   `json:"at,omitempty"`
	Via    []string `json:"includedBy,omitempty"`
}

func varsCommand(p process) *cobra.Command {
	var target targetFlags
	var out listFlags
	var how renderFlags
	var item string
	c := &cobra.Command{
		Use:   "vars",
		Short: "Print the variables that templates see, and where each value is from",
		Long: "Print the variables that the templates of a target see, and for each value which file, store or argument it is from. First\n" +
			"those that all items see, then for each item those that it sees besides. Sensitive values are not printed.",
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
			var cluster project.Cluster
			if opts.Reader != nil {
				cluster = opts.Reader
			}
			d, err := proj.Resolve(cmd.Context(), t, cluster)
			if err != nil {
				return err
			}
			warn(p, d.Warnings)
			levels, err := varsLevels(d, item)
			if err != nil {
				return err
			}
			return writeList(p.stdout, outputs, levels, varsText(levels))
		},
	}
	target.register(c)
	out.register(c, "text")
	c.Flags().StringVar(&item, "item", "", "print all variables of the items in this `directory`, relative to the repository's root")
	c.Flags().BoolVar(&how.offline, "offline-kubernetes", false, "do without a cluster; variables from it are an error")
	return c
}

// varsLevels are the levels to print: those of one item whole, or the root's and what other items see besides.
func varsLevels(d *project.Deployment, item string) ([]varsLevel, error) {
	if item != "" {
		return itemLevels(d, path.Clean(item))
	}
	root := varsLevel{Root: true, layers: d.Layers, heading: "all items see"}
	root.fill(d, nil)
	levels := []varsLevel{root}
	for _, i := range d.Items {
		besides := d.Layers
		if !startsWith(i.Layers, besides) {
			besides = nil // a library
		}
		if i.Dir == "" || len(i.Layers) == len(besides) {
			continue
		}
		last := &levels[len(levels)-1]
		if slices.Equal(last.layers, i.Layers) {
			last.Items = append(last.Items, i.Dir)
			continue
		}
		level := varsLevel{Items: []string{i.Dir}, layers: i.Layers, heading: "sees besides"}
		if besides == nil {
			level.heading = "is in a library and sees only"
		}
		level.fill(d, besides)
		levels = append(levels, level)
	}
	return levels, nil
}

func itemLevels(d *project.Deployment, dir string) ([]varsLevel, error) {
	var levels []varsLevel
	var dirs []string
	for _, i := range d.Items {
		if i.Dir != "" {
			dirs = append(dirs, i.Dir)
		}
		if i.Dir == dir {
			level := varsLevel{Items: []string{dir}, layers: i.Layers, heading: "sees"}
			level.fill(d, nil)
			levels = append(levels, level)
		}
	}
	if levels == nil {
		return nil, fmt.Errorf("--item %s: no item is there; the target has %s", dir, strings.Join(dirs, ", "))
	}
	return levels, nil
}

func startsWith(layers, prefix []*project.Layer) bool {
	return len(layers) >= len(prefix) && slices.Equal(layers[:len(prefix)], prefix)
}

// fill explains the level's layers, without the values that come from those in besides.
func (l *varsLevel) fill(d *project.Deployment, besides []*project.Layer) {
	l.Vars = []varsLeaf{}
	for _, leaf := range d.Explain(l.layers) {
		if len(leaf.Path) > 1 && leaf.Path[0].Field == "target" && (leaf.Path[1].Field == "args" || leaf.Path[1].Field == "images") {
			continue // they are args, and what list-images is for
		}
		if slices.Contains(besides, leaf.From) && !slices.ContainsFunc(leaf.Over, func(o *project.Layer) bool { return !slices.Contains(besides, o) }) {
			continue
		}
		one := varsLeaf{Path: leaf.Path.JSONPath(), Value: leaf.Value, Sensitive: leaf.Sensitive, Source: source(leaf.From), leaf: leaf}
		if leaf.From.Sensitive {
			one.Value = masked
		}
		for _, o := range leaf.Over {
			one.Overrides = append(one.Overrides, source(o))
		}
		l.Vars = append(l.Vars, one)
	}
}

const masked = "*****"

func source(l *project.Layer) varsSource { return varsSource{Source: l.Origin, At: l.At, Via: l.Via} }

func (s varsSource) String() string {
	text := s.Source
	switch {
	case s.At != "" && s.Source == "values":
		text = s.At
	case s.At != "":
		text += " (" + s.At + ")"
	}
	if len(s.Via) > 0 {
		text += ", included by " + strings.Join(s.Via, " → ")
	}
	return text
}
