package checkout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

// fetched opens a clone of a harmless main branch and fetches a commit with the tree.
func (u *upstream) fetched(tree string, change ...func(*checkout.Options)) (*checkout.Repo, string) {
	u.t.Helper()
	main := u.commit(u.tree(files{"README.md": "harmless\n"}))
	u.set("refs/heads/main", main)
	hostile := u.commit(tree, main)
	u.set("refs/heads/hostile", hostile)
	r := open(u.t, clone(u.t, fileURL(u), "main", "--depth=1"), change...)
	if err := r.Fetch(u.t.Context(), main, hostile); err != nil {
		u.t.Fatal(err)
	}
	return r, hostile
}

func TestNothingInATreeOrAConfigurationRuns(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	stored := files{
		".gitattributes":  "*.yaml filter=evil text eol=crlf ident merge=evil diff=evil\nsub.yaml export-subst export-ignore\nbig.bin filter=lfs\n",
		"sub.yaml":        "commit: $Format:%H$ $Id$\n",
		"web.yaml":        "a: 1\n",
		"big.bin":         "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
		".githooks/x":     "exec:#!/bin/sh\n",
		"modules/library": "submodule:",
		".gitmodules":     "[submodule \"l\"]\n\tpath = modules/library\n\turl = ext::touch pwned\n",
	}
	base := u.commit(u.tree(stored))
	u.set("refs/heads/main", base)
	ours := u.commit(u.tree(stored.with("web.yaml", "a: 1\nb: 1\n")), base)
	head := u.commit(u.tree(stored.with("web.yaml", "z: 1\na: 1\n")), base)
	u.set("refs/heads/ours", ours)
	u.set("refs/heads/feature", head)

	dir := clone(t, fileURL(u), "main")
	marker := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "script")
	writeExecutable(t, script, "#!/bin/sh\necho \"$0 $*\" >> "+marker+"\ncat\n")
	hooks := filepath.Join(dir, ".git", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"reference-transaction", "post-checkout", "post-merge", "post-index-change"} {
		writeExecutable(t, filepath.Join(hooks, hook), "#!/bin/sh\necho "+hook+" >> "+marker+"\n")
	}
	global := filepath.Join(t.TempDir(), "gitconfig")
	for _, c := range [][2]string{
		{"filter.evil.smudge", script}, {"filter.evil.clean", script}, {"filter.lfs.smudge", script},
		{"core.fsmonitor", script}, {"merge.evil.driver", script + " %A"}, {"diff.evil.textconv", script}, {"diff.external", script},
		{"core.hooksPath", hooks}, {"core.alternateRefsCommand", script}, {"core.pager", script}, {"core.askPass", script},
	} {
		runGit(t, "", "config", "--file", global, c[0], c[1])
		runGit(t, "", "-C", dir, "config", c[0], c[1])
	}

	// The trap works: git's own checkout falls into it.
	trapped := gitCommand(t, "-C", dir, "checkout", "-q", "--force", "HEAD^{}", "--", "web.yaml")
	if err := os.Remove(filepath.Join(dir, "web.yaml")); err != nil {
		t.Fatal(err)
	}
	output(t, trapped)
	if _, err := os.Stat(marker); err != nil {
		t.Fatalf("git's own checkout ran nothing, so this test proves nothing: %v", err)
	}
	if err := os.Remove(marker); err != nil {
		t.Fatal(err)
	}

	r := open(t, dir, func(o *checkout.Options) {
		o.Environ = append(o.Environ, "GIT_CONFIG_GLOBAL="+global, "GIT_EXTERNAL_DIFF="+script, "GIT_ASKPASS="+script)
	})
	tree, err := r.Merge(t.Context(), ours, head)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files as they are stored", stored.with("web.yaml", "z: 1\na: 1\nb: 1\n"), extract(t, r, tree))
	if _, err := r.ChangedFiles(t.Context(), ours, head); err != nil {
		t.Error(err)
	}
	if ran, err := os.ReadFile(marker); !os.IsNotExist(err) {
		t.Errorf("these ran: %s (%v)", ran, err)
	}
}

func writeExecutable(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestLinksMayNotLeadOut(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		tree files
		bad  string // the link that the error names; none if the tree is fine
	}{
		{"to a file beside it", files{"a/link": "link:x", "a/x": "1"}, ""},
		{"up and down again, inside", files{"a/b/link": "link:../../c/x", "c/x": "1"}, ""},
		{"to a directory", files{"link": "link:c", "c/x": "1"}, ""},
		{"to the root", files{"a/link": "link:..", "c/x": "1"}, ""},
		{"to nothing", files{"link": "link:is/not/there"}, ""},
		{"in a loop", files{"a": "link:b", "b": "link:a"}, ""},
		{"absolute", files{"deploy/link": "link:/etc/passwd"}, "deploy/link"},
		{"upwards", files{"deploy/link": "link:../../x"}, "deploy/link"},
		{"upwards from the root", files{"link": "link:.."}, "link"},
		{"out and back in by the name of the directory", files{"link": "link:../tree/x", "x": "1"}, "link"},
		{"through a link that shortens the way", files{"a/b/c/short": "link:../../..", "link": "link:a/b/c/short/../x"}, "link"},
		{"through another link that leads out", files{"a": "link:b", "b": "link:/etc"}, "a"},
		{"through what does not exist", files{"link": "link:nowhere/../../x"}, "link"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t)
			r, commit := u.fetched(u.tree(c.tree))
			tree, err := r.Tree(t.Context(), commit)
			if err != nil {
				t.Fatal(err)
			}
			if c.bad == "" {
				wantEqual(t, "files", c.tree, extract(t, r, tree))
				return
			}
			_, err = r.Extract(t.Context(), tree)
			wantError(t, err, fmt.Sprintf("%q is a symbolic link that leads out of the repository", c.bad), commit[:10])
		})
	}
}

func TestTreesThatNoWorkTreeShouldHoldAreRefused(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	file := "100644 blob " + u.blob("x") + "\t"
	dir := "040000 tree " + u.mktree(file+"x") + "\t"
	up := "120000 blob " + u.blob("../../../escaped") + "\t"
	// "a/b" is both a link to the root and a directory: what is checked as a/b/c would be written at the root.
	twice := u.mktree("120000 blob "+u.blob("..")+"\tb", "040000 tree "+u.mktree("040000 tree "+u.mktree(up+"c")+"\td")+"\tb")
	for name, tree := range map[string]string{
		".git/x":    u.mktree(dir + ".git"),
		"sub/.GIT":  u.mktree("040000 tree " + u.mktree(file+".GIT") + "\tsub"),
		"..":        u.mktree(dir + ".."),
		"sub/../x":  u.mktree("040000 tree " + u.mktree(dir+"..") + "\tsub"),
		"GIT~1":     u.mktree(file + "GIT~1"),
		"a/b twice": u.mktree("040000 tree " + twice + "\ta"),
	} {
		r, commit := u.fetched(tree)
		named, err := r.Tree(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Extract(t.Context(), named)
		want := "contains a name that no tree may have"
		if strings.HasSuffix(name, " twice") {
			want = `"a/b" is in the tree twice`
		}
		wantError(t, err, want)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	// Each level holds the one below ten times: some ten objects that describe 10^12 directories without one file.
	bomb := u.mktree()
	for range 12 {
		var entries []string
		for i := range 10 {
			entries = append(entries, fmt.Sprintf("040000 tree %s\t%d", bomb, i))
		}
		bomb = u.mktree(entries...)
	}
	cases := []struct {
		name, tree, want string
		limits           checkout.Limits
	}{
		{"bytes", u.tree(files{"a": "12345", "b": "67890"}), "b: the files up to this one have more than the 9 bytes allowed", checkout.Limits{Bytes: 9}},
		{"exactly as many bytes", u.tree(files{"a": "12345", "b": "67890"}), "", checkout.Limits{Bytes: 10}},
		{"files", u.tree(files{"a/b": "1", "a/c": "2"}), "more than the 2 files and directories allowed", checkout.Limits{Files: 2}},
		{"exactly as many files", u.tree(files{"a/b": "1", "a/c": "2"}), "", checkout.Limits{Files: 3}},
		{"bomb", bomb, "more than the 250000 files and directories allowed", checkout.Limits{}},
	}
	for _, c := range cases {
		temp := t.TempDir()
		r, commit := u.fetched(c.tree, func(o *checkout.Options) { o.Limits = c.limits; o.TempDir = temp })
		tree, err := r.Tree(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			extract(t, r, tree)
			continue
		}
		_, err = r.Extract(t.Context(), tree)
		wantError(t, err, c.want)
		if left, err := filepath.Glob(filepath.Join(temp, "weighlock-tree-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: the refused tree is still on disk: %v (%v)", c.name, left, err)
		}
	}
	r, commit := u.fetched(bomb)
	_, err := r.Merge(t.Context(), u.git("rev-parse", "main"), commit)
	wantError(t, err, "merging "+commit[:10], "more than the 250000 files and directories allowed")
}

func TestOnlyFullIDsAreTakenForCommits(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, clone(t, fileURL(s.upstream), "main"))
	for _, id := range []string{"", "main", "HEAD", s.head[:12], "--upload-pack=touch", strings.ToUpper(s.head), s.head + "^", s.head + "\n"} {
		_, mergeErr := r.Merge(t.Context(), s.base, id)
		_, treeErr := r.Tree(t.Context(), id)
		_, fileErr := r.File(t.Context(), id, "x")
		_, extractErr := r.Extract(t.Context(), checkout.Tree{ID: id})
		for _, err := range []error{r.Fetch(t.Context(), id), mergeErr, treeErr, fileErr, extractErr} {
			wantError(t, err, "not a full commit id")
		}
	}
	for _, change := range []func(*checkout.Options){
		func(o *checkout.Options) { o.Remote = "--upload-pack=touch" },
		func(o *checkout.Options) { o.Remote = "ext::touch x" },
		func(o *checkout.Options) { o.Refs = []string{"main"} },
		func(o *checkout.Options) { o.Refs = []string{"refs/heads/../x"} },
		func(o *checkout.Options) { o.Refs = []string{"refs/heads/a:refs/heads/b"} },
	} {
		if _, err := checkout.Open(t.Context(), r.Root(), options(t, change)); err == nil {
			t.Errorf("Open with %+v: no error", options(t, change))
		}
	}
}
