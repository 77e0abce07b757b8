package project

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/source"
)

// A Fetched is a tree or chart from elsewhere that a deployment is made of, with what was asked for and what that was.
type Fetched struct {
	Kind RemoteKind
	// URL is the remote's address, without user and password; that of a chart ends in its name.
	URL string
	// Ref is the full name of the branch or tag that was asked for, for OCI the tag, for a chart its version; "" where a
	// commit or digest was.
	Ref string
	// ID is the commit, or the digest of the artifact's manifest, the chart's archive or the file; "" for a local override.
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
		kind := KindGit
		if _, isOCI := ref.(source.OCIRef); isOCI {
			kind = KindOCI
		}
		out = append(out, FetchedTree(kind, tree))
	}
	slices.SortFunc(out, Fetched.Compare)
	return slices.Compact(out)
}

// FetchedTree is a tree as results tell of it.
func FetchedTree(kind RemoteKind, t source.Tree) Fetched {
	if t.Local {
		return Fetched{Kind: kind, URL: t.URL, Dir: t.Dir}
	}
	return Fetched{Kind: kind, URL: t.URL, Ref: t.Ref, ID: t.Commit}
}

// overridden warns of the directories that take the place of remotes: what is rendered from them is on this machine only.
func overridden(trees []Fetched) []string {
	var out []string
	for _, f := range trees {
		out = append(out, f.Warnings()...)
	}
	return out
}

// Warnings say that a directory takes the place of the remote, if one does.
func (f Fetched) Warnings() []string {
	if f.Dir == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s is replaced by the directory %s (local override)", f.URL, f.Dir)}
}
