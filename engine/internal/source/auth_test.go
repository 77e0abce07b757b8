package source_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/source"
)

const (
	user     = "alice"
	password = "s3cr3t-of-alice"
)

// arguments collects the arguments of all processes while a server is asked.
type arguments struct {
	mu   sync.Mutex
	seen strings.Builder
}

func (a *arguments) look(w http.ResponseWriter, _ *http.Request) http.ResponseWriter {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range found {
		line, _ := os.ReadFile(file) // the process may be gone
		a.seen.Write(line)
		a.seen.WriteByte('\n')
	}
	return w
}

func TestCredentialsForHTTP(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	commit := u.commit(shop2, "refs/heads/main")
	var args arguments
	url := server{upstream: u, user: user + ":" + password, before: args.look}.serve(t)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/app.git")
	name, _, _ := strings.Cut(host, ":")
	with := strings.Replace(url, "://", "://"+user+":"+password+"@", 1)
	home := func(t *testing.T, file, content string) func(*source.Options) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, file), content)
		// As a user's own configuration, which bareEnv keeps out.
		return func(o *source.Options) {
			o.Environ = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "HOME=" + dir}
		}
	}
	good := source.Credential{Kind: source.KindGit, Host: host, Username: user, Password: password}
	bad := source.Credential{Kind: source.KindGit, Host: host, Username: user, Password: "wrong-password"}
	cases := []struct {
		name   string
		url    string
		change func(t *testing.T) func(*source.Options)
		fails  bool
	}{
		{"none", url, nil, true},
		{"by host and port", url, credentials(good), false},
		{"by host name", url, credentials(source.Credential{Kind: source.KindGit, Host: strings.ToUpper(name), PathGlob: "ap?", Username: user, Token: password}), false},
		{"the first that matches", url, credentials(bad, good), true},
		{"other path, then any host", url, credentials(
			source.Credential{Kind: source.KindGit, Host: host, PathGlob: "*/app", Username: user, Password: "wrong-password"},
			source.Credential{Kind: source.KindGit, Host: "other.invalid", Username: user, Password: "wrong-password"},
			source.Credential{Kind: source.KindOCI, Host: host, Username: user, Password: "wrong-password"},
			source.Credential{Kind: source.KindGit, Host: host, SSHKeyFile: "/nonexistent"},
			source.Credential{Kind: source.KindGit, Host: "*", Username: user, Password: password}), false},
		{"other user in the address", strings.Replace(url, "://", "://bob@", 1), credentials(good), true},
		{"in the address", with, nil, false},
		{"netrc", url, func(t *testing.T) func(*source.Options) {
			return home(t, ".netrc", fmt.Sprintf("machine %s login %s password %s\n", name, user, password))
		}, false},
		{"ours before netrc", url, func(t *testing.T) func(*source.Options) {
			netrc := home(t, ".netrc", fmt.Sprintf("machine %s login %s password %s\n", name, user, "wrong-password"))
			return func(o *source.Options) { netrc(o); o.Credentials = []source.Credential{good} }
		}, false},
		{"git's credential helper", url, func(t *testing.T) func(*source.Options) {
			return home(t, ".gitconfig", fmt.Sprintf("[credential]\n\thelper = \"!printf 'username=%s\\\\npassword=%s\\\\n'; :\"\n", user, password))
		}, false},
		{"ours before git's", url, func(t *testing.T) func(*source.Options) {
			dir := t.TempDir()
			gitconfig := home(t, ".gitconfig", "[credential]\n\thelper = \"!touch "+dir+"/asked; :\"\n")
			t.Cleanup(func() {
				if _, err := os.Stat(dir + "/asked"); err == nil {
					t.Error("git's credential helper got to know our password")
				}
			})
			return func(o *source.Options) { gitconfig(o); o.Credentials = []source.Credential{good} }
		}, false},
		{"rewritten by git's configuration", "https://git.invalid/app.git", func(t *testing.T) func(*source.Options) {
			return home(t, ".gitconfig", fmt.Sprintf("[url \"%s\"]\n\tinsteadOf = https://git.invalid/\n", strings.TrimSuffix(with, "app.git")))
		}, false},
		{"header in git's configuration", url, func(t *testing.T) func(*source.Options) {
			return home(t, ".gitconfig", "[http]\n\textraHeader = Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password))+"\n")
		}, false},
		{"ours before the header", url, func(t *testing.T) func(*source.Options) {
			header := home(t, ".gitconfig", "[http]\n\textraHeader = Authorization: Basic d3Jvbmc6d3Jvbmc=\n")
			return func(o *source.Options) { header(o); o.Credentials = []source.Credential{good} }
		}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			if c.change != nil {
				c.change(t)(&opts)
			}
			dir := t.TempDir()
			tree, err := source.NewCache(dir, opts).Git(t.Context(), source.GitRef{URL: c.url})
			if c.fails {
				wantError(t, err, "give credentials that can read the repository")
				if text := err.Error(); strings.Contains(text, "password") && strings.Contains(text, "wrong") || strings.Contains(text, "bob") {
					t.Errorf("error %q shows a credential", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantTree(t, tree, "refs/heads/main", commit, shop2)
			wantNowhere(t, dir, password)
		})
	}
	t.Cleanup(func() { // when the parallel subtests are done
		seen := args.seen.String()
		if !strings.Contains(seen, "ls-remote") {
			t.Error("no arguments of git were seen, so this test proves nothing")
		}
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))} {
			if strings.Contains(seen, secret) {
				t.Errorf("%s is in the arguments of a process", secret)
			}
		}
	})
}

func credentials(list ...source.Credential) func(*testing.T) func(*source.Options) {
	return func(*testing.T) func(*source.Options) {
		return func(o *source.Options) { o.Credentials = list }
	}
}

// wantNowhere checks that no file below dir holds a secret.
func wantNowhere(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), secret) {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCredentialsDoNotFollowARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.commit(shop2, "refs/heads/main")
	var mu sync.Mutex
	var sent []string
	elsewhere := server{upstream: u, user: "someone:else", before: func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, req.Header.Get("Authorization"))
		return w
	}}.serve(t)
	url := server{upstream: u, before: func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		http.Redirect(w, req, strings.TrimSuffix(elsewhere, "/app.git")+req.URL.RequestURI(), http.StatusMovedPermanently)
		return nil
	}}.serve(t)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/app.git")
	_, err := source.NewCache(t.TempDir(), options(func(o *source.Options) {
		o.Credentials = []source.Credential{{Kind: source.KindGit, Host: host, Username: user, Password: password}}
	})).Git(t.Context(), source.GitRef{URL: url})
	wantError(t, err, "give credentials")
	mu.Lock()
	defer mu.Unlock()
	if len(sent) == 0 {
		t.Error("the redirect was not followed, so this test proves nothing")
	}
	for _, header := range sent {
		if header != "" {
			t.Errorf("the other host got %q", header)
		}
	}
}

func TestCredentialsForSSH(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	commit := u.commit(shop2, "refs/heads/main")
	const batch = "-o BatchMode=yes"
	key := source.Credential{Kind: source.KindGit, Host: "git.invalid", SSHKeyFile: "/keys/it's", KnownHostsFile: "/known hosts"}
	cases := []struct {
		name string
		url  string
		cred []source.Credential
		env  string
		want []string
	}{
		{"the agent and keys that ssh itself finds", "ssh://git@git.invalid" + u.dir, nil, "", []string{batch, "git@git.invalid"}},
		{"short form", "git@git.invalid:" + strings.TrimPrefix(u.dir, "/"), nil, "", []string{batch, "git@git.invalid", "git-upload-pack '" + strings.TrimPrefix(u.dir, "/") + "'"}},
		{"short form with a path from the root", "git@git.invalid:" + u.dir, nil, "", []string{batch, "git-upload-pack '" + u.dir + "'"}},
		{"our key", "ssh://git@git.invalid:2222" + u.dir, []source.Credential{key}, "", []string{batch, "-p 2222", "-o IdentitiesOnly=yes -i /keys/it's", `-o StrictHostKeyChecking=yes -o UserKnownHostsFile="/known hosts"`}},
		{"a password is none", "ssh://git@git.invalid" + u.dir, []source.Credential{{Kind: source.KindGit, Host: "git.invalid", Password: "x"}}, "", []string{batch}},
		{"the operator's command", "ssh://git@git.invalid" + u.dir, nil, "GIT_SSH_COMMAND=ssh -o Chosen=yes", []string{"-o Chosen=yes"}},
		{"our key before the operator's command", "ssh://git@git.invalid" + u.dir, []source.Credential{key}, "GIT_SSH_COMMAND=ssh -o Chosen=yes", []string{"-i /keys/it's"}},
		{"host keys unchecked by choice", "ssh://git@git.invalid" + u.dir, nil, "KLUCTL_SSH_DISABLE_STRICT_HOST_KEY_CHECKING=true", []string{batch, "-o StrictHostKeyChecking=no"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// Takes ssh's place, and runs what ssh would run on the host.
			write(t, filepath.Join(dir, "ssh"), "#!/bin/sh\necho \"$@\" >> "+dir+"/log\nfor last; do :; done\ncd / && eval \"exec $last\"\n")
			chmod(t, filepath.Join(dir, "ssh"))
			opts := source.Options{Credentials: c.cred, Environ: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), c.env}}
			wantTree(t, mustGit(t, source.NewCache(t.TempDir(), opts), source.GitRef{URL: c.url}), "refs/heads/main", commit, shop2)
			log, err := os.ReadFile(filepath.Join(dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(log), want) {
					t.Errorf("ssh was started with\n%s which lacks %q", log, want)
				}
			}
		})
	}
}

func TestCredentialsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	got, err := source.CredentialsFromEnv([]string{
		"KLUCTL_GIT_HOST=k.example.com", "KLUCTL_GIT_USERNAME=k", "KLUCTL_GIT_PASSWORD=kp", "KLUCTL_GIT_CACHE_UPDATE_INTERVAL=5m",
		"KLUCTL_GIT_10_HOST=ten.example.com", "KLUCTL_GIT_10_SSH_KEY=~/.ssh/ten", "KLUCTL_GIT_2_HOST=two.example.com", "KLUCTL_GIT_2_PASSWORD=p2",
		"WEIGHLOCK_GIT_3_HOST=w.example.com:8443", "WEIGHLOCK_GIT_3_PATH=org/**", "WEIGHLOCK_GIT_3_PASSWORD=a=b", "WEIGHLOCK_GIT_3_CA_BUNDLE=/ca.pem",
		"KLUCTL_REGISTRY_1_REPOSITORY=r.example.com/org/*", "KLUCTL_REGISTRY_1_TOKEN=t", "KLUCTL_REGISTRY_1_PLAIN_HTTP=true",
		"KLUCTL_REGISTRY_1_INSECURE_SKIP_TLS_VERIFY=0", "HOME=/home/u", "KLUCTL_REGISTRY_HOST=", "OTHER_GIT_HOST=x",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []source.Credential{
		{Kind: source.KindGit, Host: "w.example.com:8443", PathGlob: "org/**", Password: "a=b", CAFile: "/ca.pem"},
		{Kind: source.KindGit, Host: "k.example.com", Username: "k", Password: "kp"},
		{Kind: source.KindGit, Host: "two.example.com", Password: "p2"},
		{Kind: source.KindGit, Host: "ten.example.com", SSHKeyFile: "/home/u/.ssh/ten"},
		{Kind: source.KindOCI, PathGlob: "r.example.com/org/*", Token: "t", PlainHTTP: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("credentials are\n%+v, want\n%+v", got, want)
	}
	_, err = source.CredentialsFromEnv([]string{
		"WEIGHLOCK_GIT_4_PASSWORD=hidden-1", "KLUCTL_REGISTRY_HOST=h", "KLUCTL_REGISTRY_PLAIN_HTTP=maybe",
		"KLUCTL_GIT_HOST=h", "KLUCTL_GIT_PASSWORD=hidden-2\n", "WEIGHLOCK_GIT_HOST=h", "WEIGHLOCK_GIT_PATH=[",
	})
	wantError(t, err, "WEIGHLOCK_GIT_4_HOST is missing", `KLUCTL_REGISTRY_PLAIN_HTTP="maybe": want true or false`, "git credential for h: a value contains a line break", `path "["`)
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("error %q shows a password", err)
	}
}

func TestRepoKeyIsTheNormalForm(t *testing.T) {
	t.Parallel()
	cases := []struct{ url, want string }{
		{"https://Host.example.com/Group/app.git", "host.example.com/Group/app"},
		{"https://u:p@host/group/app/", "host/group/app"},
		{"http://host:80/app.git/", "host/app"},
		{"https://host:8443/app", "host:8443/app"},
		{"ssh://git@host:22/group/app.git", "host/group/app"},
		{"ssh://git@host:2222/group/app.git", "host:2222/group/app"},
		{"git@Host:group/app.git", "host/group/app"},
		{"host:/group/app", "host/group/app"},
		{"oci://Host/group/app", "host/group/app"},
		{"https://[::1]:8080/app", "[::1]:8080/app"},
		{"file:///tmp/app", ""},
		{"/tmp/app", ""},
		{"https://host", ""},
		{"https://host/app?x=1", ""},
		{"https://u:hidden@host\n/app", ""},
		{"hg::https://u:hidden@host/app", ""},
		{"", ""},
	}
	for _, c := range cases {
		got, err := source.RepoKey(c.url)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("RepoKey(%q) = %q, %v; want %q", c.url, got, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("RepoKey(%q): error %q shows a password", c.url, err)
		}
	}
}
