package bot

import (
	"slices"
	"testing"
)

// Of the rules that match a file the last one holds; a backslash takes the meaning from a space and from a wildcard.
func TestOwnersOfAFile(t *testing.T) {
	t.Parallel()
	rules := parseOwners("# who owns what\n* @all\n/deploy/ @ops # and nobody else\n*.md @docs @ops\n/deploy/prod\\ values/ @mary\n/odd\\*name @star\n[Section]\n/bare\n")
	for file, want := range map[string][]string{
		"a.go":                       {"@all"},
		"deploy/a.yaml":              {"@ops"},
		"sub/deploy/a.yaml":          {"@all"},
		"deploy/README.md":           {"@docs", "@ops"},
		"deploy/prod values/a.yaml":  {"@mary"},
		"deploy/prod/values/a.yaml":  {"@ops"},
		"odd*name":                   {"@star"},
		"oddXname":                   {"@all"},
		"bare":                       nil,
		"deploy/prod values":         {"@ops"},
		"deploy/prod valuesX/a.yaml": {"@ops"},
	} {
		if got := ownersOf(rules, file); !slices.Equal(got, want) {
			t.Errorf("%s: owned by %v, want %v", file, got, want)
		}
	}
}
