package helm

import (
	"regexp"
	"slices"
	ast "text/template/parse"

	"helm.sh/helm/v3/pkg/chart"
)

// changing finds, inside of an action, a template function that gives another value each time: keys, certificates, random
// texts, salted hashes, the time, and what takes the order of a map.
var changing = regexp.MustCompile(`\{\{[^}]*\b(genCA|genCAWithKey|genSelfSignedCert|genSelfSignedCertWithKey|genSignedCert|genSignedCertWithKey|` +
	`genPrivateKey|randAlphaNum|randAlpha|randNumeric|randAscii|randBytes|randInt|uuidv4|htpasswd|bcrypt|encryptAES|shuffle|now|ago|keys|values)\b`)

// Volatile says whether the chart may give something else each time it is rendered for a release: a template of it or of a
// subchart, or a value that may be a template, names a function that does.
func (c *Chart) Volatile(values map[string]any) bool { return c.volatile || changes(values) }

func volatile(c *chart.Chart) bool {
	has := func(f *chart.File) bool { return changing.Match(f.Data) }
	return slices.ContainsFunc(c.Templates, has) || changes(c.Values) || slices.ContainsFunc(c.Dependencies(), volatile)
}

func changes(v any) bool {
	switch v := v.(type) {
	case string:
		return changing.MatchString(v)
	case map[string]any:
		for _, e := range v {
			if changes(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, changes)
	}
	return false
}

// another is a moment that differs from any other in year, month, day, weekday, hour, minute and second.
const another = `(toDate "2006-01-02T15:04:05Z07:00" "2047-03-08T21:37:59Z")`

// atAnotherTime changes the templates of a copied chart so that the time they see is another.
func atAnotherTime(c *chart.Chart) {
	templates := make([]*chart.File, len(c.Templates))
	for i, f := range c.Templates {
		templates[i] = &chart.File{Name: f.Name, Data: replaceNow(f.Name, f.Data)}
	}
	c.Templates = templates
	for _, sub := range c.Dependencies() {
		atAnotherTime(sub)
	}
}

// replaceNow puts another time in the place of the function now. A template that cannot be parsed stays as it is.
func replaceNow(name string, data []byte) []byte {
	tree := ast.New(name)
	tree.Mode = ast.SkipFuncCheck
	trees := map[string]*ast.Tree{}
	if _, err := tree.Parse(string(data), "{{", "}}", trees); err != nil {
		return data
	}
	var at []int
	for _, t := range trees {
		if t.Root != nil {
			nows(t.Root, &at)
		}
	}
	slices.Sort(at)
	out := slices.Clone(data)
	for _, pos := range slices.Backward(slices.Compact(at)) {
		out = slices.Replace(out, pos, pos+len("now"), []byte(another)...)
	}
	return out
}

// nows collects the positions of the function now below a node.
func nows(n ast.Node, at *[]int) {
	branch := func(b *ast.BranchNode) {
		nows(b.Pipe, at)
		nows(b.List, at)
		if b.ElseList != nil {
			nows(b.ElseList, at)
		}
	}
	switch n := n.(type) {
	case *ast.ListNode:
		for _, e := range n.Nodes {
			nows(e, at)
		}
	case *ast.ActionNode:
		nows(n.Pipe, at)
	case *ast.IfNode:
		branch(&n.BranchNode)
	case *ast.RangeNode:
		branch(&n.BranchNode)
	case *ast.WithNode:
		branch(&n.BranchNode)
	case *ast.TemplateNode:
		if n.Pipe != nil {
			nows(n.Pipe, at)
		}
	case *ast.PipeNode:
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				nows(arg, at)
			}
		}
	case *ast.ChainNode:
		nows(n.Node, at)
	case *ast.IdentifierNode:
		if n.Ident == "now" {
			*at = append(*at, int(n.Pos))
		}
	}
}
