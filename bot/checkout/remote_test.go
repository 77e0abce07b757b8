package checkout_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

func basic(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user))
}

// cloneWithRemote is a shallow clone made from disk that is then told to use another remote.
func (s story) cloneWithRemote(t *testing.T, url string) string {
	t.Helper()
	dir := clone(t, fileURL(s.upstream), "main", "--depth=1")
	runGit(t, "", "-C", dir, "remote", "set-url", "origin", url)
	return dir
}

func TestCredentialsReachTheServerAndNothingElse(t *testing.T) {
	t.Parallel()
	const token = "t0ken-of-the-job/+"
	escaped := strings.ReplaceAll(token, "/", "%2F")
	const stale = "an-old-one-that-expired"
	cases := []struct {
		name  string
		setup func(t *testing.T, dir, url string) checkout.Auth
	}{
		{"given", func(*testing.T, string, string) checkout.Auth {
			return checkout.Auth{Token: token}
		}},
		{"given, in place of what the clone holds", func(t *testing.T, dir, url string) checkout.Auth {
			runGit(t, "", "-C", dir, "config", "http."+url+"/.extraheader", "AUTHORIZATION: basic "+basic("x-access-token:"+stale))
			return checkout.Auth{User: "x-access-token", Token: token}
		}},
		{"in the clone's configuration, as actions/checkout leaves them", func(t *testing.T, dir, url string) checkout.Auth {
			host := url[:strings.LastIndex(url, "/")+1]
			runGit(t, "", "-C", dir, "config", "http."+host+".extraheader", "AUTHORIZATION: basic "+basic("x-access-token:"+token))
			return checkout.Auth{}
		}},
		{"in a file that the clone's configuration includes for its own directory", func(t *testing.T, dir, url string) checkout.Auth {
			included := filepath.Join(t.TempDir(), "credentials")
			runGit(t, "", "config", "--file", included, "http."+url+".extraheader", "AUTHORIZATION: basic "+basic("x-access-token:"+token))
			runGit(t, "", "-C", dir, "config", "includeIf.gitdir:"+filepath.Join(dir, ".git")+".path", included)
			return checkout.Auth{}
		}},
		{"in the remote's address, as GitLab leaves them", func(t *testing.T, dir, url string) checkout.Auth {
			runGit(t, "", "-C", dir, "remote", "set-url", "origin", strings.Replace(url, "://", "://x-access-token:"+escaped+"@", 1))
			return checkout.Auth{}
		}},
		{"from a credential helper", func(t *testing.T, dir, _ string) checkout.Auth {
			runGit(t, "", "-C", dir, "config", "credential.helper", "!f() { echo username=x-access-token; echo password="+token+"; }; f")
			return checkout.Auth{}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t)
			var requests, watched atomic.Int32
			url := server{upstream: s.upstream, user: "x-access-token:" + token, seen: func(req *http.Request) {
				requests.Add(1)
				if n := len(req.Header.Values("Authorization")); n > 1 {
					t.Errorf("%d Authorization headers in one request", n)
				}
				watched.Add(int32(lookForSecrets(t, token, escaped, basic("x-access-token:"+token))))
			}}.start(t)
			dir := s.cloneWithRemote(t, url)
			auth := c.setup(t, dir, url)
			t.Parallel() // from here on: what sets others up has secrets in its command lines
			var said bytes.Buffer
			r := open(t, dir, func(o *checkout.Options) { o.Auth = auth; o.Stderr = &said })
			if err := r.Fetch(t.Context(), s.base, s.head); err != nil {
				t.Fatal(err)
			}
			if requests.Load() == 0 || watched.Load() == 0 {
				t.Errorf("%d requests, %d processes seen: nothing was proved", requests.Load(), watched.Load())
			}
			if strings.Contains(said.String(), token) {
				t.Errorf("git's messages show the token: %s", &said)
			}
		})
	}
}

// lookForSecrets reads the command lines of all git processes that run now and returns how many there are. The helper of
// the credential test is the operator's own way to hold a token and not counted.
func lookForSecrets(t *testing.T, secrets ...string) int {
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Error(err)
	}
	found := 0
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(filepath.Base(string(bytes.SplitN(content, []byte{0}, 2)[0])), "git") {
			continue // ended, or somebody else's
		}
		if bytes.Contains(content, []byte("config")) {
			continue // another test's setup
		}
		found++
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("a command line holds a secret: %q", content)
			}
		}
	}
	return found
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	const token = "a-wrong-token"
	absent := strings.Repeat("1", 40)
	closed := server{upstream: s.upstream, user: "u:right"}.start(t)
	cases := []struct {
		name, remote string
		change       func(*checkout.Options)
		want         []string
	}{
		{"no credentials", closed, nil, []string{"fetching", s.head[:10], closed, "could not read Username", "contents: read"}},
		{"wrong token", closed, func(o *checkout.Options) { o.Auth.Token = token }, []string{"fetching", "contents: read"}},
		{"wrong credentials in the address", strings.Replace(closed, "://", "://u:"+token+"@", 1), nil, []string{"fetching", "contents: read"}},
		{"no such repository", strings.Replace(closed, "upstream", "other", 1), func(o *checkout.Options) { o.Auth = checkout.Auth{User: "u", Token: "right"} },
			[]string{"other.git", "not found"}},
		{"a program as remote", "ext::touch pwned", nil, []string{"transport 'ext' not allowed", "https, http or ssh"}},
		{"disk not allowed", fileURL(s.upstream), func(o *checkout.Options) { o.AllowFile = false }, []string{"transport 'file' not allowed"}},
		{"not encrypted and not authenticated", "git://127.0.0.1/x", nil, []string{"transport 'git' not allowed"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := s.cloneWithRemote(t, c.remote)
			change := slices.DeleteFunc([]func(*checkout.Options){c.change}, func(f func(*checkout.Options)) bool { return f == nil })
			r := open(t, dir, change...)
			_, err := r.Merge(t.Context(), s.base, s.head)
			wantError(t, err, c.want...)
			if err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), basic("x-access-token:"+token))) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
	t.Run("no remote", func(t *testing.T) {
		t.Parallel()
		dir := clone(t, fileURL(s.upstream), "main", "--depth=1")
		runGit(t, "", "-C", dir, "remote", "remove", "origin")
		r := open(t, dir)
		wantError(t, r.Fetch(t.Context(), s.head), s.head[:10], `no remote "origin"`, "fetch-depth: 0")
		wantError(t, r.Fetch(t.Context(), s.base, s.base, s.forked), "is not in the clone")
		if err := r.Fetch(t.Context(), s.base); err != nil {
			t.Errorf("a commit that is there needs no remote: %v", err)
		}
	})
	t.Run("no such commit", func(t *testing.T) {
		t.Parallel()
		r := open(t, clone(t, fileURL(s.upstream), "main"))
		wantError(t, r.Fetch(t.Context(), absent), absent[:10], "force-pushed")
		_, err := r.Tree(t.Context(), absent)
		wantError(t, err, "reading commit "+absent[:10], "fetch it first")
	})
	t.Run("no repository", func(t *testing.T) {
		t.Parallel()
		_, err := checkout.Open(t.Context(), t.TempDir(), options(t))
		wantError(t, err, "opening the git repository", "not a git repository", "actions/checkout")
		_, err = checkout.Open(t.Context(), filepath.Join(t.TempDir(), "missing"), options(t))
		wantError(t, err, "missing", "no such file")
	})
	t.Run("nothing checked out", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		runGit(t, "", "init", "-q", dir)
		_, err := open(t, dir).Head(t.Context())
		wantError(t, err, "no commit checked out")
	})
}

func TestABareMirrorIsACloneToo(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, s.dir)
	tree, err := r.Merge(t.Context(), s.base, s.head)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "merged files", s.merged, extract(t, r, tree))
	if r.Root() != s.dir {
		t.Errorf("Root() = %s, want %s", r.Root(), s.dir)
	}
}

func TestWhatGitSaysIsShown(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	var said bytes.Buffer
	r := open(t, s.cloneWithRemote(t, "https://user:secret@host.invalid/x"), func(o *checkout.Options) { o.Stderr = &said })
	if err := r.Fetch(t.Context(), s.head); err == nil {
		t.Fatal("fetched from a host that cannot exist")
	}
	if out := said.String(); !strings.Contains(out, "host.invalid") || strings.Contains(out, "secret") {
		t.Errorf("shown: %q, want git's message without the password", out)
	}
}
