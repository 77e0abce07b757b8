package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"
)

// resourceProblems are errors for all that kustomize cannot take in the files that are listed as resources. It stops at
// the first and tells no line, so a build that failed is told in these words where there are any.
func (c *checker) resourceProblems() []error {
	var errs []error
	seen := map[string]string{} // where each object of each kustomization is
	known := map[string]bool{}  // what was told of a file that several list
	for _, m := range c.makers {
		if isKustomization(m.file) {
			continue // it makes them by generators
		}
		data, err := c.fsys.ReadFile(m.file)
		if err != nil {
			continue // kustomize tells
		}
		read := resourceReader{file: c.display(m.file), listedIn: m.listedIn, seen: seen}
		read.all(data)
		for _, err := range read.errs {
			if !known[err.Error()] {
				known[err.Error()] = true
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// resourceReader finds what is wrong with one file of objects.
type resourceReader struct {
	file     string // as shown
	listedIn string // the directory of the kustomization that lists it
	seen     map[string]string
	errs     []error
}

func (r *resourceReader) fail(line int, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.file, line, fmt.Sprintf(format, args...)))
}

func (r *resourceReader) all(data []byte) {
	if !utf8.Valid(data) {
		line := 1
		for text := range bytes.Lines(data) {
			if !utf8.Valid(text) {
				break
			}
			line++
		}
		r.fail(line, "found a byte that is not UTF-8: save the file in that encoding")
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			if !errors.Is(err, io.EOF) {
				r.syntax(data, err)
			}
			return
		}
		if !isNull(&doc) {
			r.object(doc.Content[0])
		}
	}
}

// syntax tells what the YAML reader says as "yaml: line 3: what is wrong", or without a line, by the first line that provokes it: its
// own is at times that of the enclosing block.
func (r *resourceReader) syntax(data []byte, err error) {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if n, _ := fmt.Sscanf(said, "line %d:", &line); n == 1 {
		_, said, _ = strings.Cut(said, ": ")
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if n := sort.Search(len(lines), func(i int) bool { return failsWith(bytes.Join(lines[:i+1], nil), said) }); n < len(lines) {
		line = n + 1
	}
	r.fail(line, "%s", said)
}

// failsWith says whether reading a part of a file ends with an error.
func failsWith(data []byte, said string) bool {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			return strings.HasSuffix(err.Error(), said)
		}
	}
}

func (r *resourceReader) object(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n.Line, "found %s, expected an object with apiVersion, kind and metadata", describe(n))
		return
	}
	kind, version := text(value(n, "kind")), text(value(n, "apiVersion"))
	if items := value(n, "items"); strings.HasSuffix(kind, "List") && items != nil {
		for _, item := range items.Content {
			r.object(item)
		}
		return
	}
	var missing []string
	for _, f := range []struct{ name, value string }{{"apiVersion", version}, {"kind", kind}} {
		if f.value == "" {
			missing = append(missing, f.name)
		}
	}
	meta := value(n, "metadata")
	if meta == nil {
		meta = &yaml.Node{}
	}
	name := value(meta, "name")
	if len(missing) > 0 {
		if text(name) == "" {
			missing = append(missing, "metadata.name")
		}
		r.fail(n.Line, "an object lacks %s", strings.Join(missing, ", "))
		return
	}
	if text(name) == "" {
		if !strings.HasSuffix(kind, "List") {
			r.fail(n.Line, "an object (%s, %s) has no metadata.name%s", kind, version, generated(meta))
		}
		return
	}
	r.twice(n.Line, kind, version, text(value(meta, "namespace")), text(name))
	r.keys(n)
}

// keys finds keys that are no text, and that nothing can be made of.
func (r *resourceReader) keys(n *yaml.Node) {
	for i, e := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (e.Tag == "!!bool" || e.Tag == "!!null") {
			r.fail(e.Line, "found %s as a key, expected text: put it in quotes", e.Value)
		}
		r.keys(e)
	}
}

// generated says why a generateName does not do.
func generated(meta *yaml.Node) string {
	if value(meta, "generateName") == nil {
		return ""
	}
	return " (generateName is none: each deploy would make another object)"
}

// twice finds an object that one kustomization lists a second time.
func (r *resourceReader) twice(line int, kind, version, namespace, name string) {
	if namespace == "default" {
		namespace = "" // as kustomize has it
	}
	id := strings.Join([]string{r.listedIn, version, kind, namespace, name}, "\x00")
	here := fmt.Sprintf("%s:%d", r.file, line)
	switch first := r.seen[id]; first {
	case "":
		r.seen[id] = here
	case here: // a file that is listed twice
		r.fail(line, "%s/%s is there twice, because the file is listed twice: list it once", kind, name)
	default:
		r.fail(line, "%s/%s is there twice, first in %s: rename one, or remove it", kind, name, first)
	}
}

func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

func describe(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "plain text"
}

// jsonPatchFails is what rewordings make of an operation that fails.
var jsonPatchFails = regexp.MustCompile(`a JSON patch fails: \w+ (\S+): .*`)

// inPatch names the patch that an error is about, where the path of the operation that fails is in one patch alone.
func (c *checker) inPatch(err error) error {
	m := jsonPatchFails.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	names := regexp.MustCompile(regexp.QuoteMeta(m[1]) + `(["'\s,}]|$)`)
	var found []targeted
	for _, t := range c.targeted {
		patch := []byte(t.patch.Patch)
		if t.patch.Path != "" {
			patch, _ = c.fsys.ReadFile(resolve(t.file, t.patch.Path)) // what cannot be read is none that fails
		}
		if t.field != transformersField && names.Match(patch) {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return err
	}
	t := found[0]
	return fmt.Errorf("%s: %s[%d]: %s", c.place(t.file, t.field, t.index), t.field, t.index, m[0])
}

// maxMisread bounds how many mistakes of one kustomization are looked for.
const maxMisread = 50

// misread tells of all fields of a kustomization that kustomize refuses, and reads what is left, if anything can be read. Kustomize
// stops at the first.
func (c *checker) misread(dir string, data []byte, first error) (types.Kustomization, bool) {
	m, err := readMap(data)
	for range maxMisread {
		text, known := strings.CutPrefix(first.Error(), "invalid Kustomization: ")
		var drop func() bool
		if f := unknownField.FindStringSubmatch(text); known && f != nil {
			drop = func() bool { return dropKey(m, strings.Trim(f[1], `"`)) }
		} else if f := wrongType.FindStringSubmatch(text); known && f != nil {
			drop = func() bool { return dropPath(m, strings.Split(f[2], ".")) }
		}
		c.errs = append(c.errs, c.buildError(dir, first))
		if drop == nil || err != nil || !drop() {
			return types.Kustomization{}, false
		}
		rest, err := sigsyaml.Marshal(m)
		if err != nil {
			return types.Kustomization{}, false
		}
		var k types.Kustomization
		if first = k.Unmarshal(rest); first == nil {
			return k, true
		}
	}
	return types.Kustomization{}, false
}

// dropKey removes a key wherever it stands, and says whether it was there.
func dropKey(v any, name string) (dropped bool) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v[name]; ok {
			delete(v, name)
			dropped = true
		}
		for _, e := range v {
			dropped = dropKey(e, name) || dropped
		}
	case []any:
		for _, e := range v {
			dropped = dropKey(e, name) || dropped
		}
	}
	return dropped
}

// dropPath removes what a path of keys leads to, in all elements of the lists on the way.
func dropPath(v any, keys []string) (dropped bool) {
	switch v := v.(type) {
	case map[string]any:
		key := keyOf(v, keys[0])
		if _, ok := v[key]; !ok {
			return false
		}
		if len(keys) == 1 {
			delete(v, key)
			return true
		}
		return dropPath(v[key], keys[1:])
	case []any:
		for _, e := range v {
			dropped = dropPath(e, keys) || dropped
		}
	}
	return dropped
}
