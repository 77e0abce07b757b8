package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
)

var usesRemotes = regexp.MustCompile(`gitcommit|ocipush|\$GIT|\$OCI`)

// startRemotes gives a script remotes on the loopback interface, and a home directory whose git configuration leads to
// them: https://git.example.com/NAME.git and git@git.example.com:NAME.git are what gitcommit made, $OCI is the host of
// the registry that ocipush fills. $GIT/files/ are the script's files. Repositories whose name begins with "private" ask for a password.
//
// Scripts that make none do without.
func startRemotes(env *testscript.Env) error {
	scripts, err := filepath.Glob(filepath.Join("testdata", "*", strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")+".txtar"))
	if err != nil {
		return err
	}
	if len(scripts) == 0 {
		return fmt.Errorf("the script of %s is not found", env.WorkDir)
	}
	used := false
	for _, name := range scripts {
		script, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		used = used || usesRemotes.Match(script)
	}
	if !used {
		return nil
	}
	repos := filepath.Join(env.WorkDir, ".repos")
	home := filepath.Join(env.WorkDir, ".home")
	for _, dir := range []string{repos, home} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return err
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		// What it says to the client is enough.
		Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: append(gitEnv(), "GIT_PROJECT_ROOT="+repos, "GIT_HTTP_EXPORT_ALL=1"),
	}
	gitServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, password, _ := req.BasicAuth(); strings.HasPrefix(req.URL.Path, "/private") && password != "s3cret-password" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasPrefix(req.URL.Path, "/files/") {
			http.FileServer(http.Dir(env.WorkDir)).ServeHTTP(w, req)
			return
		}
		backend.ServeHTTP(w, req)
	}))
	env.Defer(gitServer.Close)
	registryServer := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	env.Defer(registryServer.Close)
	config := fmt.Sprintf("[url %q]\n\tinsteadOf = https://git.example.com/\n\tinsteadOf = git@git.example.com:\n", gitServer.URL+"/")
	env.Setenv("HOME", home)
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GIT", gitServer.URL)
	env.Setenv("OCI", strings.TrimPrefix(registryServer.URL, "http://"))
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644)
}

func gitEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_COMMITTER_DATE=1700000000 +0000"}
}

// gitCommitCommand makes a commit of a directory in a repository on top of the first ref, and moves the refs to it; $COMMIT
// is its id. The default ref is refs/heads/main.
func gitCommitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: gitcommit name dir [ref...]")
	}
	id, err := gitCommit(ts.MkAbs(filepath.Join(".repos", args[0]+".git")), ts.MkAbs(args[1]), args[2:])
	ts.Check(err)
	ts.Setenv("COMMIT", id)
}

// ociPushCommand pushes a directory as an artifact; $DIGEST is its digest.
func ociPushCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ocipush name:tag dir")
	}
	digest, err := ociPush(ts.Getenv("OCI")+"/"+args[0], ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv("DIGEST", digest)
}

func gitCommit(repo, dir string, refs []string) (string, error) {
	if len(refs) == 0 {
		refs = []string{"refs/heads/main"}
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Env = gitEnv()
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
		return strings.TrimSpace(string(out)), nil
	}
	if _, err := os.Stat(repo); err != nil {
		if _, err := run("init", "-q", "--bare", "-b", "main", repo); err != nil {
			return "", err
		}
	}
	in := []string{"--git-dir=" + repo, "--work-tree=" + dir}
	if _, err := run(append(in, "add", "-A", "-f", dir)...); err != nil {
		return "", err
	}
	tree, err := run(append(in, "write-tree")...)
	if err != nil {
		return "", err
	}
	commit := append(in, "commit-tree", tree, "-m", "a change")
	if parent, err := run(append(in, "rev-parse", "--verify", "--quiet", refs[0])...); err == nil {
		commit = append(commit, "-p", parent)
	}
	id, err := run(commit...)
	for _, ref := range refs {
		if err == nil {
			_, err = run(append(in, "update-ref", ref, id)...)
		}
	}
	return id, err
}

func ociPush(ref, dir string) (string, error) {
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	err := w.AddFS(os.DirFS(dir))
	for _, c := range []io.Closer{w, zipped} {
		if err == nil {
			err = c.Close()
		}
	}
	if err != nil {
		return "", err
	}
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		static.NewLayer(b.Bytes(), "application/vnd.cncf.flux.content.v1.tar+gzip"))
	if err != nil {
		return "", err
	}
	to, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	if err := remote.Write(to, image); err != nil {
		return "", err
	}
	digest, err := image.Digest()
	return digest.String(), err
}
