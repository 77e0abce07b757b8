package project

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// A Fetched is a tree from elsewhere that a deployment is made of, with what was asked for and what that was.
type Fetched struct {
	Kind RemoteKind
	// URL is the remote's address, without user and password.
	URL string
	// Ref is the full name of the branch or tag that was asked for, for OCI the tag; "" where a commit or digest was.
	Ref string
	// ID is the commit, or the digest of the artifact's manifest; "" for a local override.
	ID string
	// Dir is the directory of a local override.
	Dir string
}

// Compare orders fetched trees by address and ref.
func (f Fetched) Compare(g Fetched) int {
	return cmp.Or(cmp.Compare(f.URL, g.URL), cmp.Compare(f.Ref, g.Ref), cmp.Compare(f.ID, g.ID))
}

// fetched are the trees that the run asked for, each once.
func (r *resolver) fetched() []Fetched {
	var out []Fetched
	for ref, get := range r.fetches.asked {
		tree, err := get() // it was asked before
		if err != nil {
			continue
		}
		f := Fetched{Kind: KindGit, URL: tree.URL, Ref: tree.Ref, ID: tree.Commit}
		if _, isOCI := ref.(source.OCIRef); isOCI {
			f.Kind = KindOCI
		}
		if tree.Local {
			f = Fetched{Kind: f.Kind, URL: tree.URL, Dir: tree.Dir}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, Fetched.Compare)
	return slices.Compact(out)
}

// overridden warns of the directories that take the place of remotes: what is rendered from them is on this machine only.
func overridden(trees []Fetched) []string {
	var out []string
	for _, f := range trees {
		if f.Dir != "" {
			out = append(out, fmt.Sprintf("%s is replaced by the directory %s (local override)", f.URL, f.Dir))
		}
	}
	return out
}
