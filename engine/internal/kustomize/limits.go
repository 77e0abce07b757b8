package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	sigsyaml "sigs.k8s.io/yaml"
)

// What a few lines can make kustomize do for hours, or until the process dies. Its library knows no such limits.
const (
	// maxRepeats is how often kustomizations may be read a second time in one build. Kustomize reads one for each way that
	// leads to it, and there are twice as many with each level of two bases that share two bases.
	maxRepeats = 500
	// maxDefinitions is the same for the definitions of a file of crds, each way to each.
	maxDefinitions = 100_000
	// maxDepth is how deep an object may be nested: the time for one grows with the square.
	maxDepth = 500
	// maxCopied is by how many bytes the copy operations of a JSON patch may make an object larger: each can double it. A
	// server takes objects of a megabyte or so.
	maxCopied = 4 << 20
)

func init() { jsonpatch.AccumulatedCopySizeLimit = maxCopied }

// ways counts the ways that lead from a node of a graph to itself and to all others, up to some number; circle is a node that
// leads back to itself, if there is one.
func ways(from string, next func(string) []string) (n int, circle string) {
	const many = 1 << 30
	known := map[string]int{}
	var count func(string) int
	count = func(node string) int {
		if n, ok := known[node]; ok {
			if n == 0 && circle == "" {
				circle = node
			}
			return n
		}
		known[node] = 0 // as long as it is under way
		n := 1
		for _, below := range next(node) {
			n = min(many, n+count(below))
		}
		known[node] = n
		return n
	}
	return count(from), circle
}

// repeats refuses kustomizations that would be read too often. Circles are for kustomize to report.
func (c *checker) repeats(dir string) {
	n, _ := ways("", func(dir string) []string { return c.uses[dir] })
	if n > len(c.uses)+maxRepeats {
		c.refuse(dir, "its kustomizations build on each other on so many ways that more than %d would be read again: let each be reached on few ways, or split the item", maxRepeats)
	}
}

// definitions refuses a file of crds whose definitions refer to each other in a circle, which ends the process, or on too many
// ways.
func (c *checker) definitions(file, entry string) {
	at := resolve(file, entry)
	data, err := c.fsys.ReadFile(at)
	if err != nil {
		return // kustomize tells
	}
	var types map[string]struct {
		Schema struct {
			Properties map[string]struct {
				Ref string `json:"$ref"`
			}
		}
	}
	if err := sigsyaml.Unmarshal(data, &types); err != nil {
		c.refuse(at, "%v", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		n, circle := ways(name, func(name string) []string {
			var refs []string
			for _, p := range types[name].Schema.Properties {
				if p.Ref != "" {
					refs = append(refs, p.Ref)
				}
			}
			return refs
		})
		if circle != "" {
			c.refuse(at, "the definition %s refers to itself, on the way over others perhaps: kustomize cannot read that", circle)
			return
		}
		if n > maxDefinitions {
			c.refuse(at, "the definitions refer to each other on more than %d ways", maxDefinitions)
			return
		}
	}
}

// once says whether a kustomization says everything once, and in one document, and refuses it if not: kustomize drops all but
// the last, or the first, and what was listed there is lost.
func (c *checker) once(file string, data []byte) bool {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			return true // of a form that only kustomize's reader takes
		}
		if n > 0 && !isNull(&doc) {
			c.errs = append(c.errs, fmt.Errorf("%s:%d: found a second document, expected one", c.display(file), doc.Content[0].Line))
			return false
		}
		if key, first := repeated(&doc); key != nil {
			c.errs = append(c.errs, fmt.Errorf("%s:%d: %s is there twice, first in line %d", c.display(file), key.Line, key.Value, first.Line))
			return false
		}
	}
}

func isNull(doc *yaml.Node) bool { return len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" }

// repeated finds a key that a map has twice.
func repeated(n *yaml.Node) (key, first *yaml.Node) {
	seen := map[string]*yaml.Node{}
	for i, e := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			name := e.Value
			if strings.EqualFold(e.Tag, "!!merge") || e.Kind != yaml.ScalarNode {
				continue
			}
			if seen[name] != nil {
				return e, seen[name]
			}
			seen[name] = e
		}
		if key, first := repeated(e); key != nil {
			return key, first
		}
	}
	return nil, nil
}

// tooDeep says whether some document is nested too deep. Brackets tell that at once of nearly all: what is nested by lines
// alone is long.
func tooDeep(data []byte) bool {
	open, most := 0, 0
	for _, b := range data {
		switch b {
		case '{', '[':
			open++
			most = max(most, open)
		case '}', ']':
			open = max(0, open-1)
		}
	}
	if most <= maxDepth {
		return false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			return false // the end, or for kustomize to tell
		}
		if depth(&doc) > maxDepth {
			return true
		}
	}
}

func depth(n *yaml.Node) int {
	most := 0
	for _, e := range n.Content {
		most = max(most, depth(e))
	}
	return most + 1
}
