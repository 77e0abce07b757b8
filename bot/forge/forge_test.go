package forge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

func TestParseRepo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want forge.Repo
		ok   bool
	}{
		{"acme/shop", forge.Repo{Owner: "acme", Name: "shop"}, true},
		{"acme/.github", forge.Repo{Owner: "acme", Name: ".github"}, true},
		{"group/sub/deep/shop", forge.Repo{Owner: "group/sub/deep", Name: "shop"}, true},
		{"", forge.Repo{}, false},
		{"shop", forge.Repo{}, false},
		{"/shop", forge.Repo{}, false},
		{"acme/", forge.Repo{}, false},
		{"acme//shop", forge.Repo{}, false},
		{"../shop", forge.Repo{}, false},
		{"acme/..", forge.Repo{}, false},
		{"acme/sh op", forge.Repo{}, false},
		{"acme/shop?x", forge.Repo{}, false},
		{"acme/shop%2f", forge.Repo{}, false},
		{"https://github.com/acme/shop", forge.Repo{}, false},
	} {
		got, err := forge.ParseRepo(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseRepo(%q) = %+v, %v", tt.in, got, err)
		}
		if tt.ok && got.String() != tt.in {
			t.Errorf("%q comes back as %q", tt.in, got)
		}
	}
}

func TestPermissionsAreOrderedAndNamed(t *testing.T) {
	t.Parallel()
	previous := forge.Permission(-1)
	for _, name := range []string{"none", "read", "triage", "write", "maintain", "admin"} {
		var p forge.Permission
		if err := p.UnmarshalText([]byte(name)); err != nil || p.String() != name || p <= previous {
			t.Errorf("%s: got %s after %s, %v", name, p, previous, err)
		}
		if text, err := p.MarshalText(); err != nil || string(text) != name {
			t.Errorf("%s is written as %q, %v", name, text, err)
		}
		previous = p
	}
	for _, name := range []string{"", "Write", "owner", "developer"} {
		if p, err := forge.ParsePermission(name); err == nil || p != forge.NoPermission {
			t.Errorf("%q: got %s, %v", name, p, err)
		}
	}
}

func TestAccountsAreTheSameByIDElseByLoginAndKind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b forge.User
		want bool
	}{
		{forge.User{ID: 1, Login: "amy"}, forge.User{ID: 1, Login: "amy-renamed"}, true},
		{forge.User{ID: 1, Login: "amy"}, forge.User{ID: 2, Login: "amy"}, false},
		{forge.User{Login: "Amy"}, forge.User{ID: 2, Login: "amy"}, true},
		{forge.User{Login: "x[bot]", Bot: true}, forge.User{ID: 2, Login: "x[bot]"}, false},
		{forge.User{}, forge.User{}, false},
	} {
		if tt.a.Same(tt.b) != tt.want || tt.b.Same(tt.a) != tt.want {
			t.Errorf("%+v and %+v: want %t", tt.a, tt.b, tt.want)
		}
	}
}

func TestAnErrorTellsAttemptKindAndRemedy(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("publishing: %w", &forge.Error{
		Op: "comment on acme/shop#7", Status: 429, Message: "slow down", RetryAfter: 90 * time.Second, Err: forge.ErrRateLimited,
	})
	want := "publishing: comment on acme/shop#7: rate limited (HTTP 429): slow down; retry in 1m30s"
	if err.Error() != want || !errors.Is(err, forge.ErrRateLimited) || errors.Is(err, forge.ErrForbidden) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	short := &forge.Error{Op: "read who we are", Err: context.Canceled}
	if !errors.Is(short, context.Canceled) || strings.Contains(short.Error(), "HTTP") {
		t.Errorf("got %v", short)
	}
}
