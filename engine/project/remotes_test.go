package project

import (
	"strings"
	"testing"
)

func TestAStrangersProjectUsesOnlyTheRemotesThatAreListed(t *testing.T) {
	t.Parallel()
	p := &Project{opts: Options{Untrusted: &Untrusted{Remotes: []string{"github.com/acme/*", "charts.example.com", "registry.example.com/charts/**", "http://plain.example.com"}}}}
	for address, allowed := range map[string]bool{
		"https://github.com/acme/app.git": true, "git@github.com:acme/app": true, "https://github.com/acme/app/x": false, "https://github.com/other/app": false,
		"https://charts.example.com": true, "https://Charts.example.com/": true, "https://charts.example.com:443": true, "https://charts.example.com/stable": false,
		"https://charts.example.com:8443": false, "http://charts.example.com": false, "http://plain.example.com/": true, "https://plain.example.com": false,
		"oci://registry.example.com/charts/a/b": true, "oci://registry.example.com/other": false, "http://registry.example.com/charts/a": false,
	} {
		err := p.AllowRemote(address)
		if (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && !strings.Contains(err.Error(), "remotes in .weighlock.yaml") {
			t.Errorf("%s: the error names no remedy: %v", address, err)
		}
	}
	if err := (&Project{}).AllowRemote("https://anything.example.com/x"); err != nil {
		t.Errorf("one's own project: %v", err)
	}
}
