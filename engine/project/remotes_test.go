package project

import (
	"context"
	"strings"
	"testing"
)

func TestStrangersReachOnlyTheRemotesThatAreAllowed(t *testing.T) {
	t.Parallel()
	p := &Project{opts: Options{Untrusted: &Untrusted{Remotes: []string{
		"github.com/acme/*", "gitlab.com/acme/**", "*.example.com/charts/**", "http://10.0.0.1:8080/**", "registry.example.com:5000/lib.git",
	}}}}
	for address, allowed := range map[string]bool{
		"https://github.com/acme/lib":                 true,
		"https://someone@github.com/acme/lib.git":     true,
		"git@github.com:acme/lib":                     true,
		"ssh://git@github.com/acme/lib":               true,
		"https://github.com:443/acme/lib":             true,
		"https://gitlab.com/acme/a/b":                 true,
		"oci://registry.example.com:5000/lib":         true,
		"https://a.example.com/charts/x/y":            true,
		"http://10.0.0.1:8080/a/b":                    true,
		"https://github.com/acme/lib/more":            false,
		"https://github.com/acme":                     false,
		"https://github.com/evil/lib":                 false,
		"https://github.com:8443/acme/lib":            false,
		"http://github.com/acme/lib":                  false, // for all to read
		"https://github.com.evil.com/acme/lib":        false,
		"https://github.com@evil.com/acme/lib":        false,
		"https://github.com/acme/../evil":             false,
		"https://github.com/acme/%2e%2e/evil":         false,
		"https://gitlab.com/acme/x/%2e%2E/../../evil": false,
		"https://gitlab.com/acme//../evil":            false,
		"git@gitlab.com:acme/../evil":                 false,
		"https://a.b.example.com.evil.com/charts/x":   false,
		"file:///etc":                    false,
		"https://10.0.0.1:8080/a":        false,
		"https://169.254.169.254/latest": false,
	} {
		err := p.AllowRemote(address)
		if (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && !strings.Contains(err.Error(), "remotes in .weighlock.yaml of the base branch") &&
			!strings.Contains(err.Error(), ".. in its path") && !strings.Contains(err.Error(), "on this machine") {
			t.Errorf("%s: %v does not say how to allow it", address, err)
		}
	}
	if err := (&Project{}).AllowRemote("https://github.com/evil/lib"); err != nil {
		t.Errorf("a project of one's own: %v", err)
	}
}

func TestWhatAllowsARemoteIsCheckedBeforeItIsFollowed(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"", "https://github.com/acme", "github.com/acme/{a,b}", "github.com/[a-z]", "git@github.com:acme/lib", "-x/y", "a b/c"} {
		if CheckRemote(pattern) == nil {
			t.Errorf("%q passes", pattern)
		}
	}
}

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

func TestBasesElsewhereAreFetchedOnlyWhereBothSwitchesAllowIt(t *testing.T) {
	t.Parallel()
	listed := &Untrusted{Remotes: []string{"github.com/acme/**"}}
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"off":                  {Options{}, "may not name what is elsewhere"},
		"off for a stranger":   {Options{Untrusted: listed}, "may not name what is elsewhere"},
		"stranger, not listed": {Options{Untrusted: &Untrusted{}, RemoteBases: true}, "remotes in .weighlock.yaml of the base branch"},
		"stranger, another":    {Options{Untrusted: &Untrusted{Remotes: []string{"github.com/other/**"}}, RemoteBases: true}, "remotes in .weighlock.yaml of the base branch"},
		"listed":               {Options{Untrusted: listed, RemoteBases: true}, "context canceled"},
		"one's own":            {Options{RemoteBases: true}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.opts.Remotes.CacheDir = t.TempDir()
			p := &Project{opts: c.opts}
			p.cache = p.newCache()
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // so that nobody is asked
			if _, _, err := p.Base(ctx, "https://github.com/acme/base", "v1"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a repository: %v, want %q", err, c.want)
			}
			if _, _, err := p.BaseFile(ctx, "https://github.com/acme/base/raw/x.yaml"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a file: %v, want %q", err, c.want)
			}
		})
	}
}
