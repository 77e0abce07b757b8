package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/checkout"
)

var shop = files{
	"deploy/web.yaml":   "image: web:1\nport: 80\n\n# scale\n\nreplicas: 1\n",
	"deploy/cache.yaml": "size: 1\n",
	"README.md":         "Shop\n",
	"run.sh":            "exec:#!/bin/sh\n",
}

// story is a pull request on a main branch that moved on, with more history than a shallow fetch brings at once.
type story struct {
	*upstream
	forked, base, head string
	merged             files
}

func newStory(t *testing.T, config ...string) story {
	s := story{upstream: newUpstream(t, config...)}
	s.forked = s.chain("log", 3, s.commit(s.tree(shop)))
	old := shop.with("log", "2\n")
	scaled := strings.Replace(shop["deploy/web.yaml"], "replicas: 1", "replicas: 2", 1)
	updated := strings.Replace(shop["deploy/web.yaml"], "web:1", "web:2", 1)
	added := "kind: Job\n" // which no clone of main has
	s.base = s.commit(s.tree(old.with("deploy/web.yaml", scaled)), s.chain("log", 70, s.forked))
	s.head = s.commit(s.tree(old.with("deploy/web.yaml", updated).with("deploy/job.yaml", added).without("README.md")), s.forked)
	s.set("refs/heads/main", s.base)
	s.set("refs/pull/7/head", s.head)
	s.merged = old.with("deploy/web.yaml", strings.Replace(updated, "replicas: 1", "replicas: 2", 1)).with("deploy/job.yaml", added).without("README.md")
	return s
}

func TestMergeIsTheHeadOntoTheMovedBaseFromAnyClone(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	filtering := newStory(t, "uploadpack.allowFilter=true")
	anyID := newStory(t, "uploadpack.allowAnySHA1InWant=true", "uploadpack.allowFilter=true")
	pull := func(o *checkout.Options) { o.Refs = []string{"refs/pull/7/head"} }
	cases := []struct {
		name   string
		story  story
		clone  func(t *testing.T, s story) string
		change func(*checkout.Options)
	}{
		{"complete clone from disk", s, func(t *testing.T, s story) string {
			return clone(t, fileURL(s.upstream), "main")
		}, nil},
		{"shallow clone from disk", s, func(t *testing.T, s story) string {
			return clone(t, fileURL(s.upstream), "main", "--depth=1")
		}, nil},
		{"shallow clone from a server that leaves contents out", filtering, func(t *testing.T, s story) string {
			return clone(t, server{upstream: s.upstream}.start(t), "main", "--depth=1")
		}, nil},
		{"partial clone without contents", filtering, func(t *testing.T, s story) string {
			return clone(t, server{upstream: s.upstream}.start(t), "main", "--filter=blob:none")
		}, nil},
		{"old server that gives any id", anyID, func(t *testing.T, s story) string {
			return clone(t, server{upstream: s.upstream, old: true}.start(t), "main", "--depth=1")
		}, nil},
		{"old server that gives only names, which are still the commits asked for", s, func(t *testing.T, s story) string {
			return clone(t, server{upstream: s.upstream, old: true}.start(t), "main", "--depth=1")
		}, pull},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := c.clone(t, c.story)
			if c.change == nil {
				c.change = func(*checkout.Options) {}
			}
			r := open(t, dir, c.change)
			tree, err := r.Merge(t.Context(), c.story.base, c.story.head)
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "merged files", c.story.merged, extract(t, r, tree))
			if tree.Base != c.story.base || tree.Head != c.story.head {
				t.Errorf("Merge(%s, %s) = %+v: other commits", c.story.base, c.story.head, tree)
			}
		})
	}
}

func TestContentsThatAFetchLeftOutAreThereWhenWritten(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, "uploadpack.allowFilter=true")
	base := u.commit(u.tree(shop))
	changed := shop.with("deploy/web.yaml", "image: web:2\n").with("deploy/job.yaml", "kind: Job\n")
	head := u.commit(u.tree(changed), base)
	u.set("refs/heads/main", base)
	u.set("refs/heads/feature", head)
	r := open(t, clone(t, server{upstream: u}.start(t), "main", "--depth=1"))
	if err := r.Fetch(t.Context(), base, head); err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files of the head", changed, extract(t, r, tree))
}

func TestTheCloneIsNotChanged(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	dir := clone(t, fileURL(s.upstream), "main", "--depth=1")
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := read(t, dir)
	r := open(t, filepath.Join(dir, "deploy"))
	if want, err := filepath.EvalSymlinks(dir); err != nil || r.Root() != want {
		t.Errorf("Root() = %s, want %s (%v)", r.Root(), want, err)
	}
	tree, err := r.Merge(t.Context(), s.base, s.head)
	if err != nil {
		t.Fatal(err)
	}
	extract(t, r, tree)
	wantEqual(t, "the clone changed", before, read(t, dir))
}

func TestAMergeThatIsCheckedOutIsTheAnswerWithoutNetwork(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	// What the forge merged decides, whatever git would make of it.
	merge := s.commit(s.tree(shop.with("by", "forge\n")), s.base, s.head)
	s.set("refs/pull/7/merge", merge)
	dir := clone(t, fileURL(s.upstream), "refs/pull/7/merge", "--depth=1")
	if err := os.Rename(s.dir, s.dir+".away"); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "parents of HEAD in a shallow clone", []string{s.base, s.head}, head.Parents)
	tree, err := r.Merge(t.Context(), s.base, s.head)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files", shop.with("by", "forge\n"), extract(t, r, tree))
	if _, err := r.Merge(t.Context(), s.head, s.base); err == nil {
		t.Error("base and head the other way round: the checked-out merge was taken for theirs")
	}
}

func TestAHeadThatContainsTheBaseIsTheMerge(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	ahead := s.commit(s.tree(shop.with("new", "x\n")), s.base)
	s.set("refs/heads/feature", ahead)
	r := open(t, clone(t, fileURL(s.upstream), "main", "--depth=1"))
	tree, err := r.Merge(t.Context(), s.base, ahead)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := r.Tree(t.Context(), ahead); err != nil || own.ID != tree.ID {
		t.Errorf("Merge = %s, the head's own tree is %s (%v)", tree.ID, own.ID, err)
	}
}

func TestAConflictNamesTheFilesAndBothCommits(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	root := u.commit(u.tree(shop))
	base := u.commit(u.tree(shop.with("deploy/web.yaml", "image: web:3\n").with("deploy/cache.yaml", "size: 2\n").with("other", "x\n")), root)
	head := u.commit(u.tree(shop.with("deploy/web.yaml", "image: web:2\n").without("deploy/cache.yaml")), root)
	u.set("refs/heads/main", base)
	u.set("refs/heads/feature", head)
	r := open(t, clone(t, fileURL(u), "main"))
	_, err := r.Merge(t.Context(), base, head)
	var conflict *checkout.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("Merge: %v, want a ConflictError", err)
	}
	wantEqual(t, "files", []string{"deploy/cache.yaml", "deploy/web.yaml"}, conflict.Files)
	if conflict.Base != base || conflict.Head != head {
		t.Errorf("conflict of %s and %s, want %s and %s", conflict.Base, conflict.Head, base, head)
	}
	if len(conflict.Reasons) != 2 || !strings.Contains(strings.Join(conflict.Reasons, "\n"), "(modify/delete)") {
		t.Errorf("reasons %q, want one for each file", conflict.Reasons)
	}
	wantError(t, err, head[:10], base[:10], "deploy/web.yaml", "solve the conflict")
}

func TestABranchOfAnotherHistoryIsAnErrorNotAConflict(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	stray := s.commit(s.tree(files{"x": "y"}))
	s.set("refs/heads/stray", stray)
	r := open(t, clone(t, fileURL(s.upstream), "main", "--depth=1"))
	_, err := r.Merge(t.Context(), s.base, stray)
	wantError(t, err, "merging "+stray[:10], "unrelated histories")
	if errors.As(err, new(*checkout.ConflictError)) {
		t.Error("it was called a conflict")
	}
}

// A common ancestor that a shallow history shows is not always the best one.
func TestAShallowHistoryDoesNotChangeTheMerge(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	root := u.commit(u.tree(files{"f": "1\n"}))
	// The head forked from "better", which main holds only behind a long side branch; "root" is near on both sides.
	better := u.commit(u.tree(files{"f": "2\n"}), root)
	side := u.chain("side-log", 90, better)
	base := u.commit(u.tree(files{"f": "3\n"}), root, side)
	head := u.commit(u.tree(files{"f": "2\n", "new": "x\n"}), better, root)
	u.set("refs/heads/main", base)
	u.set("refs/heads/feature", head)
	for _, depth := range []string{"--depth=1", "--depth=2147483647"} {
		r := open(t, clone(t, fileURL(u), "main", depth))
		tree, err := r.Merge(t.Context(), base, head)
		if err != nil {
			t.Errorf("from a clone of %s: %v", depth, err)
			continue
		}
		wantEqual(t, fmt.Sprintf("from a clone of %s", depth), files{"f": "3\n", "new": "x\n"}, extract(t, r, tree))
	}
}

func TestChangedFilesAreThoseOfThePullRequestOnly(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	want := []string{"README.md", "deploy/job.yaml", "deploy/web.yaml"}
	merge := s.commit(s.tree(s.merged), s.base, s.head)
	s.set("refs/pull/7/merge", merge)
	for _, ref := range []string{"main", "refs/pull/7/merge"} {
		r := open(t, clone(t, fileURL(s.upstream), ref, "--depth=1"))
		got, err := r.ChangedFiles(t.Context(), s.base, s.head)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, fmt.Sprintf("with %s checked out", ref), want, got)
	}
}

func TestACommitThatWasForcePushedAwayIsStillFoundByID(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set("refs/pull/7/head", s.commit(s.tree(shop), s.forked))
	current := open(t, clone(t, server{upstream: s.upstream}.start(t), "main", "--depth=1"))
	if err := current.Fetch(t.Context(), s.head); err != nil {
		t.Errorf("server that gives commits by id: %v", err)
	}
	old := open(t, clone(t, server{upstream: s.upstream, old: true}.start(t), "main", "--depth=1"), func(o *checkout.Options) {
		o.Refs = []string{"refs/pull/7/head", "refs/heads/is-not-there"}
	})
	wantError(t, old.Fetch(t.Context(), s.head), "commit "+s.head[:10]+" is not in the clone", "force-pushed")
}

func TestFileOfACommit(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, "uploadpack.allowFilter=true")
	c := u.commit(u.tree(files{".weighlock.yaml": "version: 1\n", "dir/x": "1", "link": "link:dir/x", ":(glob)**": "plain"}))
	u.set("refs/heads/main", c)
	for _, filter := range []string{"--depth=1", "--filter=blob:none"} {
		r := open(t, clone(t, fileURL(u), "main", filter))
		got, err := r.File(t.Context(), c, ".weighlock.yaml")
		if err != nil || string(got) != "version: 1\n" {
			t.Errorf("File = %q, %v", got, err)
		}
		if got, err := r.File(t.Context(), c, ":(glob)**"); err != nil || string(got) != "plain" {
			t.Errorf("a path is taken for a pattern: %q, %v", got, err)
		}
	}
	r := open(t, clone(t, fileURL(u), "main"))
	for _, path := range []string{"missing.yaml", "dir/x/y", "*"} {
		if _, err := r.File(t.Context(), c, path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("File(%s): %v, want fs.ErrNotExist", path, err)
		}
	}
	for path, want := range map[string]string{
		"dir": "directory", "link": "symbolic link", "../x": "not a path", "/etc/passwd": "not a path", "": "not a path", ".": "not a path",
	} {
		_, err := r.File(t.Context(), c, path)
		wantError(t, err, want)
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("File(%s) is said not to exist: %v", path, err)
		}
	}
	if _, err := r.File(t.Context(), strings.Repeat("1", 40), "x"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a commit that is not there: %v, want an error other than fs.ErrNotExist", err)
	}
}

func TestCommitTimeIsTheCommittersInUTC(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, clone(t, fileURL(s.upstream), "main", "--depth=1"))
	got, err := r.CommitTime(t.Context(), s.base)
	if want := time.Unix(1700000300, 0).UTC(); err != nil || got != want {
		t.Errorf("CommitTime = %v, %v, want %v", got, err, want)
	}
}

func TestSeveralGoroutinesMayUseOneClone(t *testing.T) {
	t.Parallel()
	s := newStory(t, "uploadpack.allowFilter=true")
	r := open(t, clone(t, server{upstream: s.upstream}.start(t), "main", "--depth=1"))
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			tree, err := r.Merge(context.WithoutCancel(t.Context()), s.base, s.head)
			if err != nil {
				t.Error(err)
				return
			}
			dir, err := r.Extract(t.Context(), tree)
			if err != nil {
				t.Error(err)
				return
			}
			wantEqual(t, "files", s.merged, read(t, dir.Path()))
			if err := dir.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestACancelledContextIsTheReason(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	r := open(t, clone(t, fileURL(s.upstream), "main"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Merge(ctx, s.base, s.head); !errors.Is(err, context.Canceled) {
		t.Errorf("Merge: %v, want context.Canceled", err)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func wantEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
