package source_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/source"
)

func TestNothingInATreeOrAConfigurationRuns(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	stored := files{
		".gitattributes": "*.yaml filter=evil text eol=crlf ident\nsub.yaml export-subst export-ignore\nbig.bin filter=lfs\n",
		"sub.yaml":       "commit: $Format:%H$ $Id$\n",
		"big.bin":        "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
		".gitmodules":    "[submodule \"l\"]\n\tpath = lib\n\turl = ext::touch pwned\n",
		"lib":            "submodule:",
	}
	commit := u.commit(stored, "refs/heads/main")
	home := t.TempDir()
	marker := filepath.Join(home, "ran")
	script := filepath.Join(home, "script")
	write(t, script, "#!/bin/sh\necho \"$0 $*\" >> "+marker+"\ncat\n")
	for _, hook := range []string{"reference-transaction", "post-checkout", "post-index-change"} {
		write(t, filepath.Join(home, "hooks", hook), "#!/bin/sh\necho "+hook+" >> "+marker+"\n")
		chmod(t, filepath.Join(home, "hooks", hook))
	}
	chmod(t, script)
	global := filepath.Join(home, ".gitconfig")
	for _, c := range [][2]string{
		{"filter.evil.smudge", script}, {"filter.lfs.smudge", script}, {"core.fsmonitor", script}, {"core.pager", script},
		{"core.hooksPath", filepath.Join(home, "hooks")}, {"core.alternateRefsCommand", script}, {"core.askPass", script},
		{"uploadpack.packObjectsHook", script}, {"remote.origin.uploadpack", script}, {"init.templateDir", home},
	} {
		runGit(t, "", "config", "--file", global, c[0], c[1])
	}
	url := server{upstream: u}.serve(t)

	// The trap works: git itself falls into it.
	trapped := gitCommand(t, "clone", "-q", url, filepath.Join(t.TempDir(), "clone"))
	trapped.Env = append(trapped.Env, "GIT_CONFIG_GLOBAL="+global)
	_ = trapped.Run()
	if _, err := os.Stat(marker); err != nil {
		t.Fatalf("git's own clone ran nothing, so this test proves nothing: %v", err)
	}
	remove(t, marker)

	c := source.NewCache(t.TempDir(), source.Options{Environ: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_ASKPASS=" + script, "GIT_CONFIG_GLOBAL=" + global, "GIT_DIR=" + home, "GIT_TRACE=" + marker,
	}})
	wantTree(t, mustGit(t, c, source.GitRef{URL: url}), "refs/heads/main", commit, stored)
	if ran, err := os.ReadFile(marker); !os.IsNotExist(err) {
		t.Errorf("these ran: %s (%v)", ran, err)
	}
}

func chmod(t *testing.T, name string) {
	t.Helper()
	if err := os.Chmod(name, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestHostileTreesAreNotWritten(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	blob := u.blob("1\n")
	out := u.blob("../x")
	mktree := func(entries ...string) string {
		var lines string
		for _, e := range entries {
			lines += e + "\n"
		}
		return u.git(lines, "mktree", "--missing")
	}
	file := func(name string) string { return fmt.Sprintf("100644 blob %s\t%s", blob, name) }
	dir := func(tree, name string) string { return fmt.Sprintf("040000 tree %s\t%s", tree, name) }
	link := func(name string) string { return fmt.Sprintf("120000 blob %s\t%s", out, name) }
	inner := mktree(file("x"))
	doubled := inner
	for range 20 { // two to the power of 20 files in 20 objects
		doubled = mktree(dir(doubled, "a"), dir(doubled, "b"))
	}
	cases := []struct{ name, tree, want string }{
		{"up", mktree(dir(inner, "..")), `"..`},
		{"repository", mktree(dir(inner, ".git")), `".git`},
		{"in another case", mktree(dir(mktree(dir(inner, ".GiT")), "deploy")), `"deploy/.GiT"`},
		{"short name", mktree(file("GIT~1")), `"GIT~1"`},
		{"with what does not show", mktree(file(".g\u200cit")), "no tree may have"},
		{"with dots after it", mktree(file(".git. .")), "no tree may have"},
		{"link that leads out", mktree(link("out")), `"out" is a symbolic link that leads out of the tree`},
		{"link and directory of one name", mktree(dir(inner, "A"), link("a")), "differ only in case"},
		{"link and file of one name", mktree(file("a"), link("a")), "twice"},
		{"more files than allowed", doubled, "more than the 1000 files"},
	}
	for i, c := range cases {
		ref := fmt.Sprintf("case-%d", i)
		u.commitTree(c.tree, "refs/heads/"+ref)
	}
	url := server{upstream: u}.serve(t)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cacheDir := t.TempDir()
			cache := source.NewCache(cacheDir, options(func(o *source.Options) { o.Limits.Files = 1000 }))
			_, err := cache.Git(t.Context(), source.GitRef{URL: url, Branch: fmt.Sprintf("case-%d", i)})
			wantError(t, err, url, c.want)
			if left, _ := filepath.Glob(filepath.Join(cacheDir, "trees", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
