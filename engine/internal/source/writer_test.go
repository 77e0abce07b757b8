package source

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLinksMayNotLeadOut(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		links map[string]string
		files []string
		bad   string // what the error says; none if the tree is fine
	}{
		{"to a file beside it", map[string]string{"a/link": "x"}, []string{"a/x"}, ""},
		{"up and down again, inside", map[string]string{"a/b/link": "../../c/x"}, []string{"c/x"}, ""},
		{"to the root", map[string]string{"a/link": ".."}, nil, ""},
		{"to nothing", map[string]string{"link": "is/not/there"}, nil, ""},
		{"in a loop", map[string]string{"a": "b", "b": "a"}, nil, ""},
		{"absolute", map[string]string{"deploy/link": "/etc/passwd"}, nil, `"deploy/link" is a symbolic link that leads out`},
		{"upwards", map[string]string{"deploy/link": "../../x"}, nil, `"deploy/link"`},
		{"upwards from the root", map[string]string{"link": ".."}, nil, `"link"`},
		{"out and back in by the name of the directory", map[string]string{"link": "../tree/x"}, []string{"x"}, `"link"`},
		{"through a link that shortens the way", map[string]string{"a/b/c/short": "../../..", "link": "a/b/c/short/../x"}, nil, `"link"`},
		{"through such a link in another case", map[string]string{"a/b/c/short": "../../..", "link": "A/b/c/SHORT/../x"}, nil, `"link"`},
		{"through what does not exist", map[string]string{"link": "nowhere/../../x"}, nil, `"link"`},
		{"empty", map[string]string{"link": ""}, nil, "nowhere"},
		{"below a link", map[string]string{"a": "b"}, []string{"a/x"}, `"a" is in the tree twice`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w, err := newWriter(dir, Limits{Files: 20, Bytes: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(c.links)) {
				err = errors.Join(err, w.link(name, c.links[name]))
			}
			for _, name := range c.files {
				err = errors.Join(err, w.file(name, false, 1, strings.NewReader("1")))
			}
			err = errors.Join(err, w.writeLinks(), w.root.Close())
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Errorf("error %v does not say %q", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, target := range c.links {
				if got, err := os.Readlink(filepath.Join(dir, name)); got != target {
					t.Errorf("%s links to %q, %v", name, got, err)
				}
			}
		})
	}
}

func TestNearNamesComeFirst(t *testing.T) {
	t.Parallel()
	got := thereAre("mian", []string{"zzz", "feature/very-long", "main", "maintenance", "man", "x"})
	if want := "the nearest of 6 are: man, main, "; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want it to begin with %q", got, want)
	}
	if got := thereAre("v1", nil); got != "there are none" {
		t.Error(got)
	}
}

func TestPlainHTTPNeedsToBeAllowed(t *testing.T) {
	t.Parallel()
	reached := errors.New("reached")
	next := func(*http.Request) (*http.Response, error) { return nil, reached }
	cases := []struct {
		url   string
		plain bool
		sent  bool
	}{
		{"https://registry.example.com/v2/", false, true},
		{"http://registry.example.com/v2/", false, false},
		{"http://192.168.1.1/v2/", false, false},
		{"http://registry.example.com/v2/", true, true},
		{"http://localhost:5000/v2/", false, true},
		{"http://127.0.0.2:5000/v2/", false, true},
		{"http://[::1]:5000/v2/", false, true},
	}
	for _, c := range cases {
		req := httptest.NewRequest(http.MethodGet, c.url, nil)
		_, err := guard{next: roundTripperFunc(next), plain: c.plain}.RoundTrip(req)
		if sent := errors.Is(err, reached); sent != c.sent {
			t.Errorf("%s, plain http allowed %v: sent %v (%v)", c.url, c.plain, sent, err)
		}
	}
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
