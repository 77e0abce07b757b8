package project_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/project"
)

func TestCommitIsThatOfTheRepositoryAndSaysWhatIsNotCommitted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v: %s", args[0], err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string) {
		t.Helper()
		p, err := project.Open(filepath.Join(root, "deploy"), project.Options{Remotes: project.Remotes{Environ: os.Environ()}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got, err := p.Commit(t.Context()); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	write("deploy/app/README.md")
	expect("") // in no repository
	git("init", "--quiet")
	expect("") // without a commit
	git("add", ".")
	git("commit", "--quiet", "--message", "First")
	id := git("rev-parse", "HEAD")
	expect(id)
	write("elsewhere.txt")
	expect(id)
	if err := os.WriteFile(filepath.Join(root, "deploy", "kustomization.yaml"), []byte("resources: [../base]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("add", "deploy")
	git("commit", "--quiet", "--message", "Second")
	id = git("rev-parse", "HEAD")
	expect(id + "-dirty") // what it names may be anywhere in the repository
	git("add", ".")
	git("commit", "--quiet", "--message", "Third")
	id = git("rev-parse", "HEAD")
	expect(id)
	write("deploy/app/new.yaml")
	expect(id + "-dirty")
}
