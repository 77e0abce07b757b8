package checkout_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

func newCache(t *testing.T, limit int64) (*checkout.Cache, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := checkout.NewCache(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, c) })
	return c, dir
}

func closed(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func mirrored(t *testing.T, c *checkout.Cache, address string, change ...func(*checkout.Options)) *checkout.Repo {
	t.Helper()
	opts := options(t, change...)
	opts.TempDir = ""
	r, err := c.Open(t.Context(), address, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A token of an App's installation ends after an hour, which a deploy that waits may outlast: what is fetched then is fetched by the next one.
func TestATokenThatEndsIsReplacedWhileTheRepositoryIsOpen(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	var valid atomic.Value
	valid.Store("the-first-token")
	url := server{upstream: s.upstream, seen: func(req *http.Request) {
		if _, password, _ := req.BasicAuth(); password != valid.Load() {
			req.URL.Path = "/nothing" // which the server does not have
		}
	}}.start(t)
	c, _ := newCache(t, 0)
	var said bytes.Buffer
	r := mirrored(t, c, url, func(o *checkout.Options) {
		o.Stderr = &said
		o.Auth = checkout.Auth{Token: "the-first-token", Renew: func(context.Context) (string, error) { return valid.Load().(string), nil }}
	})
	defer closed(t, r)
	if err := r.Fetch(t.Context(), s.base); err != nil {
		t.Fatal(err)
	}
	valid.Store("the-second-token")
	if err := r.Fetch(t.Context(), s.head); err != nil {
		t.Errorf("with a new token: %v", err)
	}
	if _, err := r.Tip(t.Context(), "main"); err != nil {
		t.Errorf("with a new token: %v", err)
	}
	// Nor is it shown.
	wantError(t, r.Fetch(t.Context(), strings.Repeat("1", 40)), "fetching")
	if strings.Contains(said.String(), "token") {
		t.Errorf("git's messages show a token: %s", &said)
	}
}

// Why there is no token now is told as it is, for whoever decides whether to try again.
func TestWhyThereIsNoTokenIsTold(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	c, _ := newCache(t, 0)
	away := errors.New("the forge is away")
	r := mirrored(t, c, server{upstream: s.upstream}.start(t), func(o *checkout.Options) {
		o.Auth = checkout.Auth{Token: "the-first-token", Renew: func(context.Context) (string, error) { return "", away }}
	})
	defer closed(t, r)
	if err := r.Fetch(t.Context(), s.base); !errors.Is(err, away) {
		t.Errorf("found %v", err)
	}
}

// What one run has fetched, the next one has; that holds for servers of all kinds.
func TestAMirrorFetchesOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name   string
		config []string
		old    bool
		refs   []string
	}{
		{"a server that leaves contents out", []string{"uploadpack.allowFilter=true"}, false, nil},
		{"a server that sends all", nil, false, nil},
		{"an old server that gives any id", []string{"uploadpack.allowAnySHA1InWant=true"}, true, nil},
		{"an old server that gives only names", nil, true, []string{"refs/pull/7/head"}},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, k.config...)
			var requests atomic.Int32
			address := server{upstream: s.upstream, old: k.old, seen: func(*http.Request) { requests.Add(1) }}.start(t)
			c, dir := newCache(t, 0)
			merge := func(base, head string) files {
				r := mirrored(t, c, address, func(o *checkout.Options) { o.Refs = k.refs })
				defer closed(t, r)
				tree, err := r.Merge(t.Context(), base, head)
				if err != nil {
					t.Fatal(err)
				}
				return extract(t, r, tree)
			}
			wantEqual(t, "first", s.merged, merge(s.base, s.head))
			first := requests.Swap(0)
			wantEqual(t, "again", s.merged, merge(s.base, s.head))
			if again := requests.Swap(0); again >= first {
				t.Errorf("%d requests the first time, %d the second", first, again)
			}
			next := s.commit(s.tree(s.merged.with("new", "1\n")), s.base, s.head)
			s.set("refs/pull/7/head", next)
			wantEqual(t, "next", s.merged.with("new", "1\n"), merge(s.base, next))
			left, err := os.ReadDir(filepath.Join(dir, "work"))
			if err != nil || len(left) > 0 {
				t.Errorf("%v is left behind: %v", left, err)
			}
		})
	}
}

func TestAMirrorMayBeUsedByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t, "uploadpack.allowFilter=true")
	address := server{upstream: s.upstream}.start(t)
	c, _ := newCache(t, 1) // so small that every release shrinks it
	var g sync.WaitGroup
	for range 6 {
		g.Go(func() {
			r := mirrored(t, c, address)
			defer closed(t, r)
			tree, err := r.Merge(t.Context(), s.base, s.head)
			if err != nil {
				t.Error(err)
				return
			}
			wantEqual(t, "merged files", s.merged, extract(t, r, tree))
		})
	}
	g.Wait()
}

// The mirrors that were used least recently go first; one that is in use stays, however large.
func TestACacheStaysWithinItsLimit(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789abcdef", 1<<12)
	var addresses []string
	c, dir := newCache(t, 100_000)
	var held *checkout.Repo
	for n, name := range []string{"held", "second", "third"} {
		u := newUpstream(t)
		commit := u.commit(u.tree(files{"big": name + incompressible(big, n)}))
		u.set("refs/heads/main", commit)
		addresses = append(addresses, fileURL(u))
		r := mirrored(t, c, fileURL(u))
		if err := r.Fetch(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			held = r
			continue
		}
		closed(t, r)
	}
	left, err := os.ReadDir(filepath.Join(dir, "mirrors"))
	if err != nil || len(left) != 1 {
		t.Errorf("%d of %d mirrors are left: %v", len(left), len(addresses), err)
	}
	if _, err := os.Stat(held.Root()); err != nil {
		t.Errorf("the one that is in use has gone: %v", err)
	}
	closed(t, held)
}

// incompressible makes text that packs badly.
func incompressible(text string, seed int) string {
	out := []byte(text)
	x := uint32(seed + 1)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return string(out)
}

// A process that died leaves locks and half-written packs behind, which must not be in the way of the next one.
func TestACacheOutlivesAProcessThatDied(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	dir := t.TempDir()
	for n := range 2 {
		c, err := checkout.NewCache(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkout.NewCache(dir, 0); err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("two at once: %v", err)
		}
		r := mirrored(t, c, fileURL(s.upstream))
		if err := r.Fetch(t.Context(), s.base, s.head); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			for _, name := range []string{"shallow.lock", "packed-refs.lock", "refs/weighlock/kept/" + s.head + ".lock", "objects/pack/tmp_pack_x"} {
				if err := os.WriteFile(filepath.Join(r.Root(), name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			next := s.commit(s.tree(s.merged), s.base, s.head)
			s.set("refs/heads/main", next)
			s.head = next
			closed(t, c) // as the end of a process does; its repository is left open
			continue
		}
		closed(t, r)
		closed(t, c)
	}
	left, err := os.ReadDir(filepath.Join(dir, "work"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left behind: %v", left, err)
	}
}

func TestAMirrorsAddressHoldsNoPassword(t *testing.T) {
	t.Parallel()
	c, _ := newCache(t, 0)
	for _, address := range []string{"https://user:secret@example.com/a.git", "", "-u", "a\nb"} {
		if _, err := c.Open(t.Context(), address, options(t)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
