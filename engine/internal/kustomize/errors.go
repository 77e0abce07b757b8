package kustomize

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

var errEmpty = errors.New("the kustomization is empty")

// reporter words errors about the files of a file system.
type reporter struct {
	fsys FS
	opts Options
}

func (r reporter) display(p string) string {
	p = strings.TrimPrefix(path.Clean(p), "/")
	if r.opts.Display != nil {
		return r.opts.Display(p)
	}
	return p
}

// buildError names the kustomization that an error is about, below that of dir at most, and kustomize's cause.
func (r reporter) buildError(dir string, err error) error {
	s := strings.Join(strings.Fields(err.Error()), " ")
	s = localised.ReplaceAllString(s, mountDir)
	for {
		next := asFile.ReplaceAllString(wrapping.ReplaceAllString(s, ""), "")
		next = onlyFile.ReplaceAllString(next, "$1")
		if m := recursed.FindStringSubmatch(next); m != nil {
			dir, next = m[1], next[len(m[0]):]
		}
		if next == s {
			break
		}
		s = next
	}
	s = fromFile.ReplaceAllString(s, "$1: ")
	file := kustomizationPath(r.fsys, dir)
	if m := malformed.FindStringSubmatch(s); m != nil && file != "" {
		return fmt.Errorf("%s:%s: %s", r.display(resolve(file, m[1])), m[2], m[3])
	}
	s = rooted.ReplaceAllStringFunc(" "+s, func(p string) string {
		if before, name := p[:1], p[1:]; r.fsys.Exists(name) || r.fsys.Exists(path.Dir(name)) && path.Dir(name) != "/" {
			return before + r.display(name)
		}
		return p
	})[1:]
	if file == "" {
		return fmt.Errorf("%s: %s", r.display(dir), reword(s))
	}
	return fmt.Errorf("%s: %s", r.placeOf(file, s), reword(s))
}

// What kustomize wraps around a cause, level by level.
var (
	wrapping = regexp.MustCompile(`^(accumulating (resources|components)|loader\.New|accumulateDirectory|invalid Kustomization|couldn't make target for path '[^']*'): `)
	recursed = regexp.MustCompile(`^recursed (?:accumulation of|merging from) path '([^']*)': `)
	// asFile is what came of trying a directory as a file first.
	asFile = regexp.MustCompile(`^accumulation err='accumulating resources from '[^']*': read [^']*: is a directory': `)
	// onlyFile is what came of trying a file as a directory in the end.
	onlyFile  = regexp.MustCompile(`^accumulation err='(.*)': must build at directory: .*: file is not directory$`)
	fromFile  = regexp.MustCompile(`^(?:accumulating|merging) resources from '([^']*)': `)
	malformed = regexp.MustCompile(`^(\S+): MalformedYAMLError: yaml: line (\d+): (.*) in File: \S+$`)
	// localised is how a kustomization names a tree from elsewhere when it is built.
	localised = regexp.MustCompile(`(\.\./)+` + regexp.QuoteMeta(mountDir[1:]))
	rooted    = regexp.MustCompile(`[ '"(=]/[^\s'",:()]+`)
)

type rewording struct {
	found *regexp.Regexp
	say   string
}

// rewordings turn kustomize's words into what the author needs, and leave out what may hold a secret: configurations and
// patches as a whole, literals.
var rewordings = sync.OnceValue(func() []rewording {
	return []rewording{
		{regexp.MustCompile("^trouble configuring builtin \\w+ with config: `.*`: "), ""},
		{regexp.MustCompile(`^merging from generator &?\{.*\}: `), ""},
		{regexp.MustCompile(`^merging (config|CRDs|vars) .*\}?: `), "merging $1: "},
		{regexp.MustCompile(`^id resid\.ResId\{.*Kind:"(\w*)".*Name:"([^"]*)".*\} does not exist; cannot merge or replace$`),
			"$1/$2 is to be merged or replaced (behavior), but no base makes it: list the base under resources, or leave the behavior out"},
		{regexp.MustCompile(`^id resid\.ResId\{.*Kind:"(\w*)".*Name:"([^"]*)".*\} exists; behavior must be merge or replace$`),
			"$1/$2 is made by a base, too: give the generator behavior: merge or replace, or another name"},
		{regexp.MustCompile(`literal sources \[.*\]: invalid literal source .*, expected key=value`), "a literal has no =: write key=value"},
		{regexp.MustCompile(`^must specify one of patch and path in .*`), "a patch has neither patch nor path: give one of them"},
		{regexp.MustCompile(`^patch and path can't be set at the same time .*`), "a patch has both patch and path: keep one of them"},
		{regexp.MustCompile(`^must specify a target for JSON patch \[(path: "[^"]*"|patch): ?.*\]$`), "a JSON patch ($1) needs a target that says which objects it is for"},
		{regexp.MustCompile(`^(unable to parse SM or JSON patch from|illegally qualifies as both an SM and JSON patch:) \[path: ("[^"]*")\]$`), "$2 is neither a strategic patch nor a JSON patch"},
		{regexp.MustCompile(`^(unable to parse SM or JSON patch from|illegally qualifies as both an SM and JSON patch:) \[patch: .*\]$`), "an inline patch is neither a strategic patch nor a JSON patch"},
		{regexp.MustCompile("^(Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field:) .*"), "a patch with a target may be one strategic patch only, not several: split it, or leave the target out"},
		{regexp.MustCompile(`^decoding .*: (.*)$`), "a JSON patch cannot be read: $1"},
		{regexp.MustCompile(`^patch appears to be empty; file=([^,]*), JsonOp=.*`), "a JSON patch ($1) is empty"},
		{regexp.MustCompile(`^no resource matches strategic merge patch "(\w+)\.(\S+?)\.\[noGrp\]/([^"]*?)\.\[noNs\]": no matches for Id .*`),
			"no object matches the strategic patch for $1/$3 ($2): correct its kind, name or namespace, or delete the patch"},
		{regexp.MustCompile(`^no resource matches strategic merge patch "(\w+)\.([^"/]*)/([^"]*?)(?:\.\[noNs\])?": no matches for Id .*`),
			"no object matches the strategic patch for $1/$3 ($2): correct its kind, name or namespace, or delete the patch"},
		{regexp.MustCompile(`^error in (\w+) for path: '([^']*)': .*: missing (?:path|value).*`), "a JSON patch fails: $1 $2: there is no such field"},
		{regexp.MustCompile(`^(\w+) operation does not apply: (?:doc )?is missing (?:path|key): (\S+): missing value.*`), "a JSON patch fails: $1 $2: there is no such field"},
		{regexp.MustCompile(`^testing value (\S+) failed: test failed$`), "a JSON patch fails: test $1: the field has another value"},
		{regexp.MustCompile(`^nothing selected by (\w+)\.\S*/\[noName\].*`), "a replacement's source matches no object: $1"},
		{regexp.MustCompile(`^nothing selected by (\w+)\.\S*/(\S+)\.(?:\[noNs\]|\S+)$`), "a replacement's source matches no object: $1/$2"},
		{regexp.MustCompile(`^unable to find field ("[^"]*") in replacement target$`), "a replacement's target has no field $1: correct the path, or set options.create"},
		{regexp.MustCompile(`missing metadata\.name in object \{\{(\S+) (\w+)\} .*`), "an object ($2, $1) has no metadata.name (generateName is none: each deploy would make another object)"},
		{regexp.MustCompile(`missing Resource metadata$`), "an object has no apiVersion, kind or metadata"},
		{regexp.MustCompile(`may not add resource with an already registered id: (\w+)\.\S+?/(\S+?)(?:\.\[noNs\]|\.(\S+))$`), "$1/$2 is there twice: rename one, or list it once"},
		{regexp.MustCompile(`external plugins disabled; unable to load external plugin '(\w+)'`), "$1 is no built-in plugin, and others are not run: only the project's own files make objects"},
		{regexp.MustCompile(`^expected kind != 'Component' for path '([^']*)'$`), "$1 is a component: list it under components, not resources"},
		{regexp.MustCompile(`^expected kind 'Component' for path '([^']*)' but got '\w*'$`), "$1 is no component: give it kind: Component, or list it under resources"},
		{regexp.MustCompile(`^Failed to read kustomization file under \S+: `), ""},
		{regexp.MustCompile(`namespace transformation produces ID conflict: .*`), "namespace makes one object of two: they have the same kind and name, and differed only by their namespaces"},
		{regexp.MustCompile(`:? node contents: .*`), ""},
		{regexp.MustCompile("cannot unmarshal !!(\\w+) `.*` into "), "cannot unmarshal !!$1 into "},
		{regexp.MustCompile(`^failed to get the patch file from path\([^)]*\): read (.*): file does not exist$`), "a patch's file is missing: $1"},
		{regexp.MustCompile(`^loading KV pairs: (\w+) sources: \[[^]]*\]: read (.*): file does not exist$`), "a generator's $1 is missing: $2"},
		{regexp.MustCompile(`^var '\{(\S+) (\w+)\.\S* \{(\S+)\}\}' cannot be mapped to a field in the set of known resources$`), "var $1: there is no such $2, or it has no field $3"},
		{unknownField, "unknown field $1"},
		{wrongType, "$2: found a $1, expected a $3: text that looks like something else needs quotes"},
	}
})

var (
	unknownField = regexp.MustCompile(`^json: unknown field ("[^"]*")$`)
	wrongType    = regexp.MustCompile(`^json: cannot unmarshal (\w+) into Go struct field \w+\.(\S+) of type (\S+)$`)
)

func reword(s string) string {
	for _, w := range rewordings() {
		s = w.found.ReplaceAllString(s, w.say)
	}
	return s
}

// hidden stands where a secret was.
const hidden = "(hidden)"

// hideLiterals takes the literals of secret generators out of an error.
func (c *checker) hideLiterals(err error) error {
	s := err.Error()
	for _, literal := range c.secrets {
		_, value, _ := strings.Cut(literal, "=")
		const shortest = 4 // what is shorter would tear holes into words
		for _, secret := range []string{literal, value} {
			if len(secret) >= shortest {
				s = strings.ReplaceAll(s, secret, hidden)
			}
		}
	}
	return errors.New(s)
}

// place is where the entry of a field is in a file: file:line, as far as it can be found.
func (r reporter) place(file, field string, index int) string {
	return r.at(file, func(root *yaml.Node) *yaml.Node {
		if list := value(root, field); list != nil && list.Kind == yaml.SequenceNode && index < len(list.Content) {
			return list.Content[index]
		}
		return nil
	})
}

// placeEntry is where a text is below a field.
func (r reporter) placeEntry(file, field, entry string) string {
	field, _, _ = strings.Cut(field, ".")
	return r.at(file, func(root *yaml.Node) *yaml.Node {
		if n := value(root, field); n != nil {
			return textNode(n, entry)
		}
		return nil
	})
}

func textNode(n *yaml.Node, text string) *yaml.Node {
	if n.Kind == yaml.ScalarNode && n.Value == text {
		return n
	}
	for _, e := range n.Content {
		if found := textNode(e, text); found != nil {
			return found
		}
	}
	return nil
}

// placeOf is where the field is that kustomize's error is about, if it says so.
func (r reporter) placeOf(file, s string) string {
	if m := unknownField.FindStringSubmatch(s); m != nil {
		name, _ := strconv.Unquote(m[1])
		return r.at(file, func(root *yaml.Node) *yaml.Node { return keyNamed(root, name) })
	}
	if m := wrongType.FindStringSubmatch(s); m != nil {
		return r.at(file, func(root *yaml.Node) *yaml.Node { return first(root, strings.Split(m[2], ".")) })
	}
	return r.display(file)
}

func (r reporter) at(file string, find func(root *yaml.Node) *yaml.Node) string {
	data, err := r.fsys.ReadFile(file)
	var doc yaml.Node
	if err == nil && yaml.Unmarshal(data, &doc) == nil && len(doc.Content) == 1 {
		if n := find(doc.Content[0]); n != nil {
			return fmt.Sprintf("%s:%d", r.display(file), n.Line)
		}
	}
	return r.display(file)
}

// value is the value of a map's key, whatever its case.
func value(m *yaml.Node, key string) *yaml.Node {
	if m.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if strings.EqualFold(m.Content[i].Value, key) {
				return m.Content[i+1]
			}
		}
	}
	return nil
}

// keyNamed finds a key anywhere.
func keyNamed(n *yaml.Node, name string) *yaml.Node {
	for i, e := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && e.Value == name {
			return e
		}
		if found := keyNamed(e, name); found != nil {
			return found
		}
	}
	return nil
}

// first finds what a path of keys leads to; of lists on the way, the first element that has more of the path.
func first(n *yaml.Node, keys []string) *yaml.Node {
	if n == nil || len(keys) == 0 {
		return n
	}
	if n.Kind == yaml.SequenceNode {
		for _, e := range n.Content {
			if found := first(e, keys); found != nil {
				return found
			}
		}
		return nil
	}
	return first(value(n, keys[0]), keys[1:])
}
