package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// elsewhere stands in for what is fetched: one repository, whatever its address, and files by theirs.
type elsewhere struct {
	repo  string
	files map[string]string
	asked []string
}

func (e *elsewhere) Repository(_ context.Context, url, ref string) (Tree, error) {
	e.asked = append(e.asked, url+" "+ref)
	if e.repo == "" {
		return Tree{}, errors.New("no such repository")
	}
	return Tree{FS: os.DirFS(e.repo).(fs.ReadLinkFS), Display: func(p string) string { return "elsewhere//" + p }}, nil
}

func (e *elsewhere) File(_ context.Context, url string) ([]byte, error) {
	e.asked = append(e.asked, url)
	if text, ok := e.files[url]; ok {
		return []byte(text), nil
	}
	return nil, errors.New("no such file")
}

// remoteArchive reads an archive of testdata/remote: the project, the repository in a directory on disk, and what is wanted.
func remoteArchive(t *testing.T, name string) (ar *txtar.Archive, project map[string]string, repo string, want int) {
	t.Helper()
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	project, repo, want = map[string]string{}, t.TempDir(), -1
	for i, f := range ar.Files {
		below, isRepo := strings.CutPrefix(f.Name, "repo/")
		switch {
		case f.Name == "want":
			want = i
		case isRepo:
			writeFile(t, filepath.Join(repo, below), string(f.Data))
		default:
			project[f.Name] = string(f.Data)
		}
	}
	return ar, project, repo, want
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBuildOfRemoteBases builds the directory app of every archive in testdata/remote, whose files below repo are those of a
// repository.
func TestBuildOfRemoteBases(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/remote/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("archives in testdata: %v, %v", archives, err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, project, repo, want := remoteArchive(t, name)
			got := show(Build(t.Context(), tree(t, project), "app", Options{Remote: &elsewhere{repo: repo}}))
			switch {
			case *update && want < 0:
				ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
			case *update:
				ar.Files[want].Data = []byte(got)
			case want < 0:
				t.Fatal("no file `want` in the archive")
			case got != string(ar.Files[want].Data):
				t.Errorf("got:\n%s\nwant:\n%s", got, ar.Files[want].Data)
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestFormsOfRemoteEntries(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"https://github.com/org/repo//deploy/base?ref=v1":    "https://github.com/org/repo v1 deploy/base",
		"https://github.com/org/repo/deploy/base?ref=v1":     "https://github.com/org/repo v1 deploy/base",
		"https://github.com/org/repo?version=v1":             "https://github.com/org/repo v1 .",
		"https://github.com/org/repo?version=v1&ref=v2":      "https://github.com/org/repo v2 .",
		"https://github.com/org/repo?submodules=0&timeout=1": "https://github.com/org/repo  .",
		"https://github.com/org/repo.git/deploy":             "https://github.com/org/repo.git  deploy",
		"https://github.com/org/repo.git//deploy/?ref=a/b":   "https://github.com/org/repo.git a/b deploy",
		"https://host/a/b/c//deploy":                         "https://host/a/b/c  deploy",
		"https://host:8443/a/b.github.io/x":                  "https://host:8443/a/b.github.io  x",
		"https://dev.azure.com/o/p/_git/repo/deploy?ref=v1":  "https://dev.azure.com/o/p/_git/repo v1 deploy",
		"HTTPS://host/org/repo?ref=v1":                       "https://host/org/repo v1 .",
		"git::https://github.com/org/repo":                   "https://github.com/org/repo  .",
		"GitHub.com/org/repo/x":                              "https://github.com/org/repo  x",
		"github.com:org/repo":                                "https://github.com/org/repo  .",
		"git@github.com:org/repo.git//x?ref=v1":              "git@github.com:org/repo.git v1 x",
		"git@github.com:org/repo/x":                          "git@github.com:org/repo  x",
		"ssh://git@host:22/org/repo//x":                      "ssh://git@host:22/org/repo  x",
		"https://u:p@host/org/repo":                          "https://u:p@host/org/repo  .",
		"https://host/org/repo/file.yaml?ref=v1":             "https://host/org/repo v1 file.yaml",
		"https://host/a/b/c.yaml":                            "file",
		"https://host/a/b/c.YML":                             "file",
		"https://host/a/b/c.json?token=x":                    "file",
		"https://host/manifest":                              "file",
		"https://host/":                                      "file",
		"https://host/org/repo//../x":                        "error",
		"https://host/org/repo/..//x":                        "https://host/org/repo/..  x",
		"https://host/org/repo.git/../../x":                  "error",
		"git@host:repo":                                      "error",
		"ssh://host":                                         "error",
	} {
		got := "file"
		if !isFileURL(entry) {
			r, err := parseRepository(entry)
			got = fmt.Sprintf("%s %s %s", r.url, r.ref, r.dir)
			if err != nil {
				got = "error"
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", entry, got, want)
		}
	}
}

func TestAFileOfAWebServerIsAResource(t *testing.T) {
	t.Parallel()
	const url = "https://user:hunter2@example.com/a/x.yaml?token=hunter2"
	remote := &elsewhere{files: map[string]string{url: configMap}}
	project := map[string]string{
		"app/kustomization.yaml":  "resources: ['" + url + "', ../base]\nnamePrefix: a-",
		"base/kustomization.yaml": "resources: ['" + url + "']\nnamePrefix: b-",
	}
	built, err := Build(t.Context(), tree(t, project), "app", Options{Remote: remote})
	if err != nil || len(built) != 2 || len(remote.asked) != 1 {
		t.Fatalf("got %v, %v; asked for %q", built, err, remote.asked)
	}
	for i, name := range []string{"a-a", "a-b-a"} {
		if got := built[i].Object["metadata"].(map[string]any)["name"]; got != name || !built[i].Remote || built[i].Origin != "https://example.com/a/x.yaml" {
			t.Errorf("object %d is %v from %s", i, got, built[i].Origin)
		}
	}
	for _, text := range []string{"a: [", "kind: [hunter2]"} {
		remote.files[url] = text
		_, err := Build(t.Context(), tree(t, project), "app", Options{Remote: remote})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "https://example.com/a/x.yaml") {
			t.Errorf("error of %q: %v", text, err)
		}
	}
	_, err = Build(t.Context(), tree(t, project), "app", Options{Remote: &elsewhere{}})
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "no such file") != 2 {
		t.Errorf("error of a file that is not there: %v", err)
	}
}

// TestOtherFieldsStayLocal: where kustomize would load a patch or a generator's file from an address, the build does not.
func TestOtherFieldsStayLocal(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"patches: [{path: 'https://host/a/x.yaml'}]", "crds: ['https://host/a/x.yaml']", "openapi: {path: 'https://host/a/x.yaml'}",
		"configMapGenerator: [{name: a, files: ['k=https://host/a/x.yaml']}]",
	} {
		remote := &elsewhere{}
		_, err := Build(t.Context(), tree(t, map[string]string{"app/kustomization.yaml": field}), "app", Options{Remote: remote})
		if err == nil || !strings.Contains(err.Error(), "which only resources and components may be") || len(remote.asked) > 0 {
			t.Errorf("%s: %v; asked for %q", field, err, remote.asked)
		}
	}
}

func TestLinksOfARepositoryStayInIt(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	writeFile(t, filepath.Join(repo, "real/kustomization.yaml"), "resources: [cm.yaml, ../linked.yaml]\n")
	writeFile(t, filepath.Join(repo, "real/cm.yaml"), configMap)
	writeFile(t, filepath.Join(repo, "deep/b.yaml"), strings.Replace(configMap, "name: a", "name: b", 1))
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	writeFile(t, outside, configMap)
	for name, target := range map[string]string{
		"dir": "real", "linked.yaml": "./deep/../deep/b.yaml", "self": ".", "loop": "loop", "abs.yaml": outside, "up.yaml": "../secret.yaml",
		"one/kustomization.yaml": "../k", "two": "one",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(repo, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(repo, "kustomization.yaml"), "resources: [self, self/self]\n")
	build := func(resources string) ([]Resource, error) {
		files := map[string]string{"app/kustomization.yaml": "resources: [" + resources + "]"}
		return Build(t.Context(), tree(t, files), "app", Options{Remote: &elsewhere{repo: repo}})
	}
	if built, err := build("https://h/o/r//self/self/dir"); err != nil || len(built) != 2 {
		t.Errorf("a directory behind links: %v, %v", built, err)
	}
	for entry, want := range map[string]string{
		"https://h/o/r//loop": "not a directory",
		"https://h/o/r":       "cycle detected", // each way to it is the same directory
	} {
		if _, err := build(entry); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", entry, err, want)
		}
	}
	for _, file := range []string{"abs.yaml", "up.yaml"} {
		writeFile(t, filepath.Join(repo, "k"), "resources: [../"+file+"]\n")
		if built, err := build("https://h/o/r//two"); err == nil {
			t.Errorf("%s was read: %v", file, built)
		}
	}
}

func TestHowMuchABuildFetchesIsLimited(t *testing.T) {
	t.Parallel()
	var entries strings.Builder
	files := map[string]string{}
	for i := range maxRemotes + 1 {
		url := fmt.Sprintf("https://h/a/%d.yaml", i)
		files[url] = strings.Replace(configMap, "name: a", fmt.Sprintf("name: a%d", i), 1)
		fmt.Fprintf(&entries, "- %s\n", url)
	}
	remote := &elsewhere{files: files}
	_, err := Build(t.Context(), tree(t, map[string]string{"app/kustomization.yaml": "resources:\n" + entries.String()}), "app", Options{Remote: remote})
	if err == nil || !strings.Contains(err.Error(), "more than 100") || len(remote.asked) != maxRemotes {
		t.Errorf("error %v; asked %d times", err, len(remote.asked))
	}
}
