//go:build doors

package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoorsWorkflowsAreSound(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../../.github/workflows/*.y*ml", "../../examples/*/.github/workflows/*.y*ml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	out, err := exec.Command(tool(t, "WEIGHLOCK_ACTIONLINT"), append([]string{"-shellcheck=", "-pyflakes="}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A workflow that uses the action as it is here has its inputs and outputs checked against action.yml, too.
func TestDoorsActionlintKnowsTheAction(t *testing.T) {
	t.Parallel()
	const uses = "on: push\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n    - id: w\n      uses: ./\n      with: {target: prod, INPUT: x}\n    - run: echo ${{ steps.w.outputs.OUTPUT }}\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"action.yml": mustRead(t, "../../action.yml"), ".git/HEAD": "ref: refs/heads/main\n"} {
		mustWrite(t, filepath.Join(dir, name), text)
	}
	for _, c := range []struct{ input, output, want string }{
		{"fail-on-change", "comment-url", ""}, {"fail-on-chnge", "comment-url", `input "fail-on-chnge" is not defined`}, {"comment", "comment_url", `property "comment_url" is not defined`},
	} {
		mustWrite(t, filepath.Join(dir, ".github/workflows/x.yml"), strings.NewReplacer("INPUT", c.input, "OUTPUT", c.output).Replace(uses))
		cmd := exec.Command(tool(t, "WEIGHLOCK_ACTIONLINT"), "-shellcheck=", "-pyflakes=")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != (c.want == "") || !strings.Contains(string(out), c.want) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func mustRead(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mustWrite(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDoorsReleaseIsVerifiedBeforeItRuns installs from a stand-in for GitHub's releases. gh, which asks GitHub, is a script that
// says what GitHub would.
func TestDoorsReleaseIsVerifiedBeforeItRuns(t *testing.T) {
	t.Parallel()
	var archive strings.Builder
	zip := gzip.NewWriter(&archive)
	pack := tar.NewWriter(zip)
	program := "#!/bin/sh\necho weighlock version 1.2.3\n"
	if err := pack.WriteHeader(&tar.Header{Name: "weighlock", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(pack, program)
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	sums := fmt.Sprintf("%x  weighlock_1.2.3_linux_amd64.tar.gz\n", sha256.Sum256([]byte(archive.String())))
	const gh = "#!/bin/sh\necho \"$*\" >>\"$GH_LOG\"\n[ -z \"$GH_REFUSES\" ]\n"
	// The action as a release has it names itself in its change notes.
	ofRelease := t.TempDir()
	mustWrite(t, filepath.Join(ofRelease, "scripts/install-release.sh"), mustRead(t, "../../scripts/install-release.sh"))
	mustWrite(t, filepath.Join(ofRelease, "CHANGELOG.md"), "# Changelog\n\n## 1.2.3\n\n- x\n\n## 1.2.2\n")
	for _, c := range []struct {
		name, sums string
		env        []string
		gh         bool
		want       string // "" installs
	}{
		{"the release that a commit is of", sums, []string{"ACTION_REF=0123456789012345678901234567890123456789", "OF_RELEASE=" + ofRelease}, true, ""},
		{"the release that v1 is", sums, []string{"ACTION_REF=v1", "OF_RELEASE=" + ofRelease}, true, ""},
		{"the version that is asked for", sums, []string{"INPUT_VERSION=v1.2.3"}, true, ""},
		{"the version of the action", sums, []string{"ACTION_REF=v1.2.3"}, true, ""},
		{"the latest", sums, []string{"ACTION_REF=v1"}, true, ""},
		{"without gh, where that is said", sums, []string{"INPUT_VERSION=v1.2.3", "INPUT_PROVENANCE=false"}, false, ""},
		{"without gh", sums, []string{"INPUT_VERSION=v1.2.3"}, false, "gh, which verifies where the release comes from, is not installed"},
		{"not built by us", sums, []string{"INPUT_VERSION=v1.2.3", "GH_REFUSES=1"}, true, "was not built by weighlock/weighlock's release workflow"},
		{"another checksum", strings.Repeat("0", 64) + "  weighlock_1.2.3_linux_amd64.tar.gz\n", []string{"INPUT_VERSION=v1.2.3"}, true, "it is not run"},
		{"no checksum", "", []string{"INPUT_VERSION=v1.2.3"}, true, "does not list"},
		{"no such release", sums, []string{"INPUT_VERSION=v9.9.9"}, true, "downloading"},
		{"a version that is none", sums, []string{"INPUT_VERSION=../../x"}, true, "expected one such as v1.2.3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			downloads, script, latest := 0, "../../scripts/install-release.sh", "v1.2.3"
			for _, kv := range c.env {
				if of, ok := strings.CutPrefix(kv, "OF_RELEASE="); ok {
					script, latest = filepath.Join(of, "scripts/install-release.sh"), "v9.9.9"
				}
			}
			mux := http.NewServeMux()
			mux.HandleFunc("/latest", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/tag/"+latest, http.StatusFound) })
			mux.HandleFunc("/tag/", func(http.ResponseWriter, *http.Request) {})
			mux.HandleFunc("/download/v1.2.3/checksums.txt", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.sums) })
			mux.HandleFunc("/download/v1.2.3/weighlock_1.2.3_linux_amd64.tar.gz", func(w http.ResponseWriter, _ *http.Request) {
				downloads++
				fmt.Fprint(w, archive.String())
			})
			server := httptest.NewServer(mux)
			defer server.Close()
			dir := t.TempDir()
			mustWrite(t, filepath.Join(dir, "bin/.keep"), "")
			if c.gh {
				mustWrite(t, filepath.Join(dir, "bin/gh"), gh)
			}
			install := func() string {
				cmd := exec.Command("bash", script)
				cmd.Env = append([]string{
					"PATH=" + filepath.Join(dir, "bin") + ":/usr/bin:/bin", "RUNNER_TEMP=" + dir, "RUNNER_TOOL_CACHE=" + filepath.Join(dir, "tools"), "RUNNER_OS=Linux", "RUNNER_ARCH=X64",
					"GITHUB_OUTPUT=" + filepath.Join(dir, "output"), "WEIGHLOCK_RELEASES_URL=" + server.URL, "GH_LOG=" + filepath.Join(dir, "gh.log"),
				}, c.env...)
				out, err := cmd.CombinedOutput()
				if (err == nil) != (c.want == "") || c.want != "" && !strings.Contains(string(out), c.want) {
					t.Fatalf("%v\n%s", err, out)
				}
				return string(out)
			}
			out := install()
			_, err := os.Stat(filepath.Join(dir, "output"))
			if c.want != "" {
				if err == nil || strings.Contains(out, "weighlock version") {
					t.Errorf("it was used all the same:\n%s", out)
				}
				return
			}
			if !strings.Contains(out, "weighlock version 1.2.3") || !strings.Contains(mustRead(t, filepath.Join(dir, "output")), "program="+filepath.Join(dir, "tools/weighlock/1.2.3/amd64/weighlock")) {
				t.Errorf("got %s", out)
			}
			if c.gh && !strings.Contains(mustRead(t, filepath.Join(dir, "gh.log")), "--signer-workflow weighlock/weighlock/.github/workflows/release.yml --source-ref refs/tags/v1.2.3") {
				t.Error("the provenance was not asked for")
			}
			if install(); downloads != 1 {
				t.Errorf("downloaded %d times", downloads)
			}
		})
	}
}

// mostImage is how many bytes the image may have. Git and what it links to take 25 MB of them.
const mostImage = 120_000_000

// TestDoorsImage builds the image on nothing, by buildah, and runs what is in it.
func TestDoorsImage(t *testing.T) {
	t.Parallel()
	buildah := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("buildah", args...)
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("buildah %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	layers := make([]string, 2)
	for i := range layers {
		cmd := exec.Command("scripts/image.sh", "weighlock:doors", "v0.0.0-doors")
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		layers[i] = buildah("inspect", "--type", "image", "--format", "{{.OCIv1.RootFS.DiffIDs}}", "weighlock:doors")
	}
	if layers[0] != layers[1] {
		t.Errorf("two builds differ: %v", layers)
	}
	config := buildah("inspect", "--type", "image", "--format", "{{.Docker.Config.User}} {{.Docker.Config.Healthcheck}} {{.Docker.Config.Labels}}", "weighlock:doors")
	for _, want := range []string{"65532:65532", "weighlock health", "org.opencontainers.image.version:v0.0.0-doors", "org.opencontainers.image.licenses:Apache-2.0"} {
		if !strings.Contains(config, want) {
			t.Errorf("%s\nhas no %s", config, want)
		}
	}
	container := buildah("from", "--pull-never", "weighlock:doors")
	defer buildah("rm", container)
	run := func(args ...string) string {
		t.Helper()
		return buildah(append([]string{"run", "--isolation", "chroot", container, "--"}, args...)...)
	}
	if out := run("weighlock", "--version"); !strings.Contains(out, "weighlock version") {
		t.Errorf("got %s", out)
	}
	if out := run("git", "--version"); !strings.Contains(out, "git version 2.") {
		t.Errorf("got %s", out)
	}
	if out, err := exec.Command("buildah", "run", "--isolation", "chroot", container, "--", "git", "ls-remote", "https://127.0.0.1:1/x").CombinedOutput(); err == nil || !strings.Contains(string(out), "Failed to connect") {
		t.Errorf("git speaks no HTTPS: %s", out)
	}
	// GitLab's runner hands the job's script to the image's shell, as bash would understand it.
	script := "set -eo pipefail; set +o noclobber; : | eval $'export A=\\'b c\\'\\nmkdir -p \"$HOME/.cache\" && id -u && weighlock --version | grep -c version\\n'"
	if out := run("sh", "-c", script); out != "65532\n1" {
		t.Errorf("got %q", out)
	}
	// Git's helpers, which give it credentials, are the shell's.
	if out := run("sh", "-c", "printf 'protocol=https\\nhost=example.com\\n\\n' | git -c credential.helper='!f() { echo username=me; echo password=s; }; f' credential fill"); !strings.Contains(out, "username=me") {
		t.Errorf("got %q", out)
	}
	root := buildah("mount", container)
	if out, err := exec.Command("du", "-sb", root).Output(); err != nil {
		t.Error(err)
	} else {
		var size int64
		if _, err := fmt.Sscan(string(out), &size); err != nil || size > mostImage || size < 50_000_000 {
			t.Errorf("the image has %d bytes, %v; the limit is %d", size, err, mostImage)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")); err != nil {
		t.Error(err)
	}
}
