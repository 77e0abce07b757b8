package bot

import (
	"slices"
	"testing"
)

// Of the rules that match a file the last one holds; a backslash takes the meaning from a space and from a wildcard.
func TestOwnersOfAFile(t *testing.T) {
	t.Parallel()
	sections, err := parseOwners("# who owns what\n* @all\n/deploy/ @ops # and nobody else\n*.md @docs @ops\t# formerly @mary\n/deploy/prod\\ values/ @mary\n/odd\\*name @star\n[Section]\n/bare\n", false)
	if err != nil || len(sections) != 1 {
		t.Fatalf("got %v, %v; GitHub has no sections", sections, err)
	}
	rules := sections[0]
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

// Whoever deploys has to be an owner in each of GitLab's sections that are about a file.
func TestEachSectionHasOwnersOfItsOwn(t *testing.T) {
	t.Parallel()
	sections, err := parseOwners("* @mary\n[Docs][2] @mary @dora\n*.md\n^[Deploy] @ops\n/deploy/ @grace\n/deploy/prod/\n[docs]\n/deploy/guide.md @dora\n", true)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"a.go": {"@mary"}, "README.md": {"@mary"}, "deploy/a.yaml": nil, "deploy/prod/a.yaml": nil, "deploy/guide.md": nil,
	} {
		for _, who := range []string{"@mary", "@grace", "@dora", "@ops"} {
			if got := owns(sections, file, map[string]bool{who: true}); got != slices.Contains(want, who) {
				t.Errorf("%s owns %s: %t", who, file, got)
			}
		}
	}
	if !owns(sections, "deploy/a.yaml", map[string]bool{"@mary": true, "@grace": true}) || !owns(sections, "deploy/prod/a.yaml", map[string]bool{"@mary": true, "@ops": true}) {
		t.Error("who owns a file in both sections does not own it")
	}
	if _, err := parseOwners("* @mary\n!*.md\n", true); err == nil {
		t.Error("an exclusion is passed over")
	}
}
