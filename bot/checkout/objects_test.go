package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

func TestAllIsReadByOneProcess(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, clone(t, fileURL(s.upstream), "main"))
	if err := r.Fetch(t.Context(), s.base, s.head); err != nil {
		t.Fatal(err)
	}
	first := r.GitProcess()
	for _, commit := range []string{s.base, s.head} {
		tree, err := r.Tree(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		extract(t, r, tree)
		if _, err := r.File(t.Context(), commit, "deploy/web.yaml"); err != nil {
			t.Fatal(err)
		}
	}
	if now := r.GitProcess(); first == nil || now != first {
		t.Errorf("read by process %v, then by %v", first, now)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Signal(os.Interrupt); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("git outlives the repository: %v", err)
	}
}

func TestAProcessThatDiedIsStartedAnew(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, clone(t, fileURL(s.upstream), "main"))
	tree, err := r.Merge(t.Context(), s.base, s.head)
	if err != nil {
		t.Fatal(err)
	}
	died := r.GitProcess()
	if err := died.Kill(); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files", s.merged, extract(t, r, tree))
	if r.GitProcess() == died {
		t.Error("the process that was killed answered")
	}
}

func TestGivingUpLeavesARepositoryThatReads(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	many := files{}
	for i := range 120 {
		many[fmt.Sprintf("d%d/f", i)] = fmt.Sprintf("%d\n", i)
	}
	r, commit := u.fetched(u.tree(many), func(o *checkout.Options) { o.Limits.Bytes = 10_000 })
	tree, err := r.Tree(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // at different moments
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		dir, err := r.Extract(ctx, tree)
		switch {
		case err == nil:
			err = dir.Close()
		case errors.Is(err, context.Canceled):
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "files", many, extract(t, r, tree))
	}
}

func TestADamagedObjectIsNamedAndTheOthersAreRead(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	long := incompressible(strings.Repeat("bad", 20_000), 1)
	commit := u.commit(u.tree(files{"bad": long, "good": "good\n"}))
	u.set("refs/heads/main", commit)
	r := open(t, clone(t, fileURL(u), "main"))
	bad := u.blob(long)
	object := filepath.Join(u.dir, "objects", bad[:2], bad[2:])
	stored, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	unpacked := filepath.Join(r.Root(), ".git", "objects", bad[:2], bad[2:])
	if err := errors.Join(os.RemoveAll(unpacked), os.MkdirAll(filepath.Dir(unpacked), 0o700), os.WriteFile(unpacked, stored[:len(stored)/2], 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = r.File(t.Context(), commit, "bad")
	wantError(t, err, "reading bad of commit "+commit[:10], bad)
	got, err := r.File(t.Context(), commit, "good")
	if err != nil || string(got) != "good\n" {
		t.Errorf("File = %q, %v", got, err)
	}
}

func TestDirectoriesThatACloneLeftOutAreFetched(t *testing.T) {
	t.Parallel()
	s := newStory(t, "uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true")
	dir := clone(t, server{upstream: s.upstream}.start(t), "main", "--filter=tree:0")
	r := open(t, dir)
	tree, err := r.Merge(t.Context(), s.base, s.head)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files", s.merged, extract(t, r, tree))
}
