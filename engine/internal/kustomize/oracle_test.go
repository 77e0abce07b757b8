//go:build oracles

package kustomize

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

// TestOracle builds every archive in testdata with kustomize's own program, too: byte for byte the same, or an error in
// both. An archive whose comment begins with "adds:" proves an error that is ours alone, with "takes:" one that is theirs.
func TestOracle(t *testing.T) {
	t.Parallel()
	program := oracle(t)
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) < 60 {
		t.Fatalf("archives in testdata: %d, %v", len(archives), err)
	}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range ar.Files {
				if f.Name != "want" {
					files[f.Name] = string(f.Data)
				}
			}
			want, theirs := program.build(t, files)
			got, ours := buildYAML(t, files, Options{})
			added, takes := bytes.HasPrefix(ar.Comment, []byte("adds:")), bytes.HasPrefix(ar.Comment, []byte("takes:"))
			switch {
			case added && (theirs != nil || ours == nil):
				t.Errorf("not ours alone: kustomize: %v, we: %v", theirs, ours)
			case takes && (theirs == nil || ours != nil):
				t.Errorf("not theirs alone: kustomize: %v, we: %v", theirs, ours)
			case added, takes:
			case (theirs == nil) != (ours == nil):
				t.Errorf("kustomize: %v\nwe: %v", theirs, ours)
			case got != want:
				t.Errorf("got:\n%s\nkustomize gives:\n%s", got, want)
			}
		})
	}
}

// kustomizeProgram is the path of kustomize's own program.
type kustomizeProgram string

func oracle(t *testing.T) kustomizeProgram {
	t.Helper()
	out, err := exec.Command("../../../testdata/oracles/build.sh").Output()
	if err != nil {
		t.Fatalf("building the oracle: %v", err)
	}
	return kustomizeProgram(filepath.Join(strings.TrimSpace(string(out)), "kustomize"))
}

// build is what the program prints for the directory app, or its error.
func (k kustomizeProgram) build(t *testing.T, files map[string]string, env ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(string(k), "build", "--load-restrictor", "LoadRestrictionsNone", "--reorder", "none", filepath.Join(dir, "app"))
	cmd.Env = append([]string{"HOME=" + dir, "PATH="}, env...) // by itself without git to fetch anything with
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New(strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// buildYAML is the same by this package.
func buildYAML(t *testing.T, files map[string]string, opts Options) (string, error) {
	t.Helper()
	built, err := Build(t.Context(), tree(t, files), "app", opts)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for i, r := range built {
		if i > 0 {
			b.WriteString("---\n")
		}
		text, err := yaml.Marshal(r.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String(), nil
}

// TestOracleOnRemoteBases builds the archives of testdata/remote with kustomize's own program, too, which clones a repository
// on this disk.
func TestOracleOnRemoteBases(t *testing.T) {
	t.Parallel()
	program := oracle(t)
	archives, err := filepath.Glob("testdata/remote/*.txtar")
	if err != nil || len(archives) < 5 {
		t.Fatalf("archives in testdata: %d, %v", len(archives), err)
	}
	const address = "https://git.example.com/"
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, project, repo, _ := remoteArchive(t, name)
			clone := filepath.Join(t.TempDir(), "base")
			local := "file://" + filepath.Dir(clone) + "/"
			copied := map[string]string{}
			for name, text := range project {
				copied[name] = strings.ReplaceAll(text, address, local)
			}
			for _, f := range ar.Files {
				if below, ok := strings.CutPrefix(f.Name, "repo/"); ok {
					writeFile(t, filepath.Join(clone, below), strings.ReplaceAll(string(f.Data), address, local))
				}
			}
			for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "a"}, {"tag", "v1"}} {
				cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
				cmd.Dir = clone
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", cmd, err, out)
				}
			}
			want, theirs := program.build(t, copied, "PATH="+os.Getenv("PATH"))
			got, ours := buildYAML(t, project, Options{Remote: &elsewhere{repo: repo}})
			switch added := bytes.HasPrefix(ar.Comment, []byte("adds:")); {
			case added && (theirs != nil || ours == nil):
				t.Errorf("not ours alone: kustomize: %v, we: %v", theirs, ours)
			case added:
			case (theirs == nil) != (ours == nil):
				t.Errorf("kustomize: %v\nwe: %v", theirs, ours)
			case got != strings.ReplaceAll(want, local, address):
				t.Errorf("got:\n%s\nkustomize gives:\n%s", got, want)
			}
		})
	}
}
