package project

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/weighlock/weighlock/engine/internal/source"
)

func TestDerivedDiscriminatorsAreReadableLabels(t *testing.T) {
	t.Parallel()
	cases := []struct{ repository, dir, target, want string }{
		{"github.com/acme/shop", ".", "", "github.com_acme_shop"},
		{"github.com/acme/shop", ".", "prod", "github.com_acme_shop__prod"},
		{"github.com/acme/shop", "deploy/web", "prod", "github.com_acme_shop__deploy_web__prod"},
		{"github.com/Acme/Shop", "Deploy", "Prod", "github.com_acme_shop__Deploy__Prod"},
		{"git.example.com:7999/acme/shop", ".", "prod", "git.example.com_acme_shop__prod"},
		// What could be read in two ways has a hash.
		{"github.com/acme/shop", "prod", "", "github.com_acme_shop__prod-7303ef8c4e"},
		{"github.com/acme/my_shop", ".", "", "github.com_acme_my_shop-89fcf0bade"},
		{"github.com/acme/shop", ".", "a/b", ""},
		{"github.com/acme/shop", ".", "a b.", ""},
		{"github.com/acme/shop", ".", "日本", ""},
		{"[::1]/acme/shop", ".", "", ""},
		{"github.com/acme/" + strings.Repeat("long-", 20), ".", "prod", ""},
		{"github.com/acme/" + strings.Repeat("long-", 20), ".", "staging", ""},
	}
	seen := map[string]bool{}
	for _, c := range cases {
		got := labelValue(c.repository, c.dir, c.target)
		if problems := validation.IsValidLabelValue(got); len(problems) > 0 || got == "" {
			t.Errorf("%v is %q: %v", c, got, problems)
		}
		if c.want != "" && got != c.want {
			t.Errorf("%v is %q", c, got)
		}
		if seen[got] {
			t.Errorf("%v is %q, as another one is", c, got)
		}
		seen[got] = true
	}
}

func TestDerivedDiscriminatorsAreThoseOfTheRepositoryNotOfTheClone(t *testing.T) {
	t.Parallel()
	want := "git.example.com_acme_shop__prod"
	for _, address := range []string{
		"https://git.example.com/acme/shop", "https://git.example.com/acme/shop.git/", "https://someone:token@GIT.example.com:443/acme/Shop.git",
		"git@git.example.com:acme/shop.git", "ssh://git@git.example.com:7999/acme/shop.git", "http://git.example.com/acme/shop",
	} {
		key, err := source.RepoKey(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := labelValue(key, ".", "prod"); got != want {
			t.Errorf("%s gives %q", address, got)
		}
	}
}

func FuzzDerivedDiscriminatorsAreLabels(f *testing.F) {
	f.Add("git.example.com/acme/shop", "deploy", "prod")
	f.Add("_/_", "-", "…")
	f.Fuzz(func(t *testing.T, repository, dir, target string) {
		if problems := validation.IsValidLabelValue(labelValue(repository, dir, target)); len(problems) > 0 {
			t.Error(problems)
		}
	})
}
