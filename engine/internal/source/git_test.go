package source_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/internal/source"
)

var shop = files{
	"deploy/web.yaml": "image: web:1\n",
	"README.md":       "Shop\n",
	"run.sh":          "exec:#!/bin/sh\n",
	"latest":          "link:deploy/web.yaml",
	"modules/lib":     "submodule:",
}

var shop2 = files{"deploy/web.yaml": "image: web:2\n"}

func TestGitResolvesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	first := u.commit(shop, "refs/heads/main", "refs/tags/light")
	second := u.commit(shop2, "refs/heads/main", "refs/heads/feature/x")
	u.git("", "tag", "-m", "annotated", "v1", first)
	u.git("", "update-ref", "refs/heads/v1", second)
	lost := u.commit(files{"lost": "1\n"}) // on no branch at all
	url := server{upstream: u}.serve(t)
	cases := []struct {
		name   string
		ref    source.GitRef
		want   string
		commit string
		files  files
	}{
		{"default branch", source.GitRef{}, "refs/heads/main", second, shop2},
		{"branch", source.GitRef{Branch: "feature/x"}, "refs/heads/feature/x", second, shop2},
		{"tag", source.GitRef{Tag: "light"}, "refs/tags/light", first, shop},
		{"annotated tag is its commit", source.GitRef{Tag: "v1"}, "refs/tags/v1", first, shop},
		{"commit that is no tip", source.GitRef{Commit: first}, "", first, shop},
		{"commit in upper case", source.GitRef{Commit: strings.ToUpper(first)}, "", first, shop},
		{"of two that have a name the tag", source.GitRef{Name: "v1"}, "refs/tags/v1", first, shop},
		{"the branch of a name", source.GitRef{Name: "feature/x"}, "refs/heads/feature/x", second, shop2},
		{"the full name of a branch", source.GitRef{Name: "refs/heads/v1"}, "refs/heads/v1", second, shop2},
		{"a commit by name", source.GitRef{Name: strings.ToUpper(first)}, "", first, shop},
		{"commit on no branch", source.GitRef{Commit: lost}, "", lost, files{"lost": "1\n"}},
	}
	shared := source.NewCache(t.TempDir(), options())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.ref.URL = url
			wantTree(t, mustGit(t, shared, c.ref), c.want, c.commit, c.files)
			wantTree(t, mustGit(t, source.NewCache(t.TempDir(), options()), c.ref), c.want, c.commit, c.files)
		})
	}
}

func TestRemotesOnTheDiskWhereTheyAreAllowed(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	commit := u.commit(shop, "refs/heads/main")
	c := source.NewCache(t.TempDir(), options(func(o *source.Options) { o.AllowFile = true }))
	wantTree(t, mustGit(t, c, source.GitRef{URL: "file://" + u.dir}), "refs/heads/main", commit, shop)
}

func TestGitWithObjectsOfSHA256(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, "--object-format=sha256")
	commit := u.commit(shop2, "refs/heads/main")
	c := source.NewCache(t.TempDir(), options())
	wantTree(t, mustGit(t, c, source.GitRef{URL: server{upstream: u}.serve(t)}), "refs/heads/main", commit, shop2)
}

func TestOldServersThatGiveNoCommitByItsID(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	first := u.commit(shop, "refs/heads/main")
	u.commit(shop2, "refs/heads/main")
	lost := u.commit(files{"lost": "1\n"})
	u.git("", "tag", "-m", "annotated", "v1", first)
	url := server{upstream: u, old: true}.serve(t)
	c := source.NewCache(t.TempDir(), options())
	wantTree(t, mustGit(t, c, source.GitRef{URL: url, Tag: "v1"}), "refs/tags/v1", first, shop)
	c = source.NewCache(t.TempDir(), options())
	mustGit(t, c, source.GitRef{URL: url, Branch: "main"}) // so that the mirror is a shallow one
	wantTree(t, mustGit(t, c, source.GitRef{URL: url, Commit: first}), "", first, shop)
	_, err := c.Git(t.Context(), source.GitRef{URL: url, Commit: lost})
	wantError(t, err, url, lost, "no branch or tag of the repository has this commit")
}

func TestARunSticksToWhatItResolvedAndTheNextSeesTheMove(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	first := u.commit(shop, "refs/heads/main", "refs/tags/v1")
	url := server{upstream: u}.serve(t)
	dir := t.TempDir()
	run := source.NewCache(dir, options())
	mustGit(t, run, source.GitRef{URL: url})
	second := u.commit(shop2, "refs/heads/main")
	u.git("", "update-ref", "refs/tags/v1", second)
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Branch: "main"}), "refs/heads/main", first, shop)
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Tag: "v1"}), "refs/tags/v1", first, shop)

	run = source.NewCache(dir, options())
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Branch: "main"}), "refs/heads/main", second, shop2)
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Tag: "v1"}), "refs/tags/v1", second, shop2)

	forced := u.commit(files{"other": "1\n"}, "refs/heads/unrelated")
	u.git("", "update-ref", "refs/heads/main", forced)
	u.git("", "update-ref", "-d", "refs/tags/v1")
	u.git("", "reflog", "expire", "--expire=now", "--all")
	u.git("", "gc", "-q", "--prune=now")
	run = source.NewCache(dir, options())
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Branch: "main"}), "refs/heads/main", forced, files{"other": "1\n"})
	wantTree(t, mustGit(t, run, source.GitRef{URL: url, Commit: second}), "", second, shop2) // kept
	_, err := source.NewCache(t.TempDir(), options()).Git(t.Context(), source.GitRef{URL: url, Commit: second})
	wantError(t, err, second, "forced push")
}

func TestATreeOfTwoCommitsIsWrittenOnce(t *testing.T) {
	t.Parallel()
	u, v := newUpstream(t), newUpstream(t)
	u.commit(shop, "refs/heads/main")
	v.commit(shop, "refs/heads/other", "refs/heads/main")
	v.commit(shop, "refs/heads/main")
	c := source.NewCache(t.TempDir(), options())
	a := mustGit(t, c, source.GitRef{URL: server{upstream: u}.serve(t)})
	b := mustGit(t, c, source.GitRef{URL: server{upstream: v}.serve(t)})
	if a.Dir != b.Dir || a.Commit == b.Commit {
		t.Errorf("commits %s and %s of one tree are in %s and %s", a.Commit, b.Commit, a.Dir, b.Dir)
	}
}

func TestAPinnedCommitNeedsNoNetworkOnceItIsThere(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	commit := u.commit(shop2, "refs/heads/main")
	srv := server{upstream: u}.start(t)
	url, dir := srv.URL+"/app.git", t.TempDir()
	mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url})
	srv.Close()
	wantTree(t, mustGit(t, source.NewCache(dir, options()), source.GitRef{URL: url, Commit: commit}), "", commit, shop2)
	_, err := source.NewCache(dir, options()).Git(t.Context(), source.GitRef{URL: url, Branch: "main"})
	wantError(t, err, url, "branch main", "is the remote up")
}

func TestUpdateIntervalSparesTheRemoteUnlessSomethingIsMissing(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	first := u.commit(shop, "refs/heads/main")
	var asked atomic.Int32
	url := server{upstream: u, before: func(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
		if strings.HasSuffix(req.URL.Path, "/info/refs") {
			asked.Add(1)
		}
		return w
	}}.serve(t)
	dir, now := t.TempDir(), time.Unix(1700000000, 0)
	run := func(age time.Duration, ref source.GitRef) source.Tree {
		t.Helper()
		ref.URL = url
		return mustGit(t, source.NewCache(dir, options(func(o *source.Options) {
			o.UpdateInterval, o.Now = time.Hour, func() time.Time { return now.Add(age) }
		})), ref)
	}
	run(0, source.GitRef{})
	before := asked.Load()
	second := u.commit(shop2, "refs/heads/main", "refs/heads/new")
	wantTree(t, run(59*time.Minute, source.GitRef{}), "refs/heads/main", first, shop)
	if got := asked.Load(); got != before {
		t.Errorf("the remote was asked %d times within the interval", got-before)
	}
	wantTree(t, run(time.Hour, source.GitRef{}), "refs/heads/main", second, shop2)
	u.git("", "update-ref", "refs/heads/newer", first)
	wantTree(t, run(61*time.Minute, source.GitRef{Branch: "newer"}), "refs/heads/newer", first, shop)
}

func TestGitRefsListsBranchesAndTags(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	first := u.commit(shop, "refs/heads/main", "refs/pull/1/head")
	u.git("", "tag", "-m", "annotated", "v1", first)
	got, err := source.NewCache(t.TempDir(), options()).GitRefs(t.Context(), server{upstream: u}.serve(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"refs/heads/main": first, "refs/tags/v1": first}
	if !maps.Equal(got, want) {
		t.Errorf("refs are %v, want %v", got, want)
	}
}

func TestGitErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	u, empty := newUpstream(t), newUpstream(t)
	for _, b := range []string{"main", "maintenance", "release/1", "release/2", "feature", "zzz"} {
		u.commit(shop2, "refs/heads/"+b)
	}
	u.git("", "update-ref", "refs/tags/v1", "refs/heads/main")
	srv := server{upstream: u}.start(t)
	url := srv.URL + "/app.git"
	missing := strings.Repeat("12", 20)
	refuse := errors.New("not on the list; add it to remotes")
	cases := []struct {
		name string
		ref  source.GitRef
		opts source.Options
		want []string
	}{
		{"unknown branch", source.GitRef{URL: url, Branch: "mian"}, options(), []string{url, `branch "mian" not found; the nearest of 6 are: main, `}},
		{"unknown tag", source.GitRef{URL: url, Tag: "1"}, options(), []string{`tag "1" not found; there are: v1`}},
		{"a tag as branch", source.GitRef{URL: url, Branch: "v1"}, options(), []string{`branch "v1" not found, but there is a tag of this name`}},
		{"a branch as tag", source.GitRef{URL: url, Tag: "main"}, options(), []string{`there is a branch of this name`}},
		{"unknown commit", source.GitRef{URL: url, Commit: missing}, options(), []string{missing, "does not have this commit"}},
		{"short commit", source.GitRef{URL: url, Commit: "1212"}, options(), []string{"not a full commit id"}},
		{"two at once", source.GitRef{URL: url, Commit: missing, Branch: "main"}, options(), []string{"give one"}},
		{"no such repository", source.GitRef{URL: srv.URL + "/none.git"}, options(), []string{"/none.git", "check the address"}},
		{"empty repository", source.GitRef{URL: server{upstream: empty}.serve(t)}, options(), []string{"empty"}},
		{"empty repository, branch", source.GitRef{URL: server{upstream: empty}.serve(t), Branch: "main"}, options(), []string{"the repository is empty"}},
		{"file", source.GitRef{URL: "file://" + u.dir}, options(), []string{"on this machine", "local override"}},
		{"path", source.GitRef{URL: u.dir}, options(), []string{"is not the address of a remote"}},
		{"helper program", source.GitRef{URL: "ext::sh -c touch% pwned"}, options(), []string{"is not the address of a remote"}},
		{"unknown scheme", source.GitRef{URL: "git://host/x"}, options(), []string{`"git" is not supported`}},
		{"option as host", source.GitRef{URL: "ssh://-oProxyCommand=x/y"}, options(), []string{"no valid host"}},
		{"password in a bad address", source.GitRef{URL: "https://u:sup%ZZer@h/x"}, options(), []string{"cannot be parsed"}},
		{"OCI", source.GitRef{URL: "oci://host/x"}, options(), []string{"OCI"}},
		{"refused", source.GitRef{URL: url}, options(func(o *source.Options) {
			o.Allow = func(source.Kind, string) error { return refuse }
		}), []string{url, "add it to remotes"}},
		{"too many files", source.GitRef{URL: url}, options(func(o *source.Options) { o.Limits.Files = 1 }), []string{"more than the 1 files"}},
		{"too many bytes", source.GitRef{URL: url}, options(func(o *source.Options) { o.Limits.Bytes = 5 }), []string{"deploy/web.yaml", "more than the 5 bytes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cache := source.NewCache(t.TempDir(), c.opts)
			_, err := cache.Git(t.Context(), c.ref)
			wantError(t, err, c.want...)
			if strings.Contains(err.Error(), "sup%") {
				t.Errorf("error %q shows a password", err)
			}
			if c.name == "refused" && !errors.Is(err, refuse) {
				t.Errorf("error %v does not wrap that of Allow", err)
			}
		})
	}
}

func TestLocalOverridesTakeARemotesPlace(t *testing.T) {
	t.Parallel()
	forks := t.TempDir()
	write(t, filepath.Join(forks, "team/app/x.yaml"), "local\n")
	url := "https://Git.invalid/group/team/app.git"
	cases := []struct {
		name     string
		override source.Override
		url      string
		want     string // an error, or none
	}{
		{"repository", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/group/team/app", Dir: filepath.Join(forks, "team/app")}, url, ""},
		{"by ssh", source.Override{Kind: source.KindGit, RepoKey: "Git.invalid/group/team/app", Dir: filepath.Join(forks, "team/app")}, "git@git.invalid:group/team/app", ""},
		{"group", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/group", Group: true, Dir: forks}, url, ""},
		{"group without the repository", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/group/team/app/", Group: true, Dir: forks}, url, "refused"},
		{"part of a name", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/gro", Group: true, Dir: forks}, url, "refused"},
		{"group whose directory is missing", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/group", Group: true, Dir: "/nonexistent"}, url, "refused"},
		{"missing directory", source.Override{Kind: source.KindGit, RepoKey: "git.invalid/group/team/app", Dir: "/nonexistent"}, url, "local override git.invalid/group/team/app=/nonexistent"},
		{"other kind", source.Override{Kind: source.KindOCI, RepoKey: "git.invalid/group/team/app", Dir: forks}, url, "refused"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cache := source.NewCache(t.TempDir(), options(func(o *source.Options) {
				o.Overrides = []source.Override{c.override}
				o.Allow = func(source.Kind, string) error { return errors.New("refused") }
			}))
			tree, err := cache.Git(t.Context(), source.GitRef{URL: c.url, Branch: "any"})
			if c.want != "" {
				wantError(t, err, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantTree(t, tree, "", "", files{"x.yaml": "local\n"})
			if !tree.Local {
				t.Error("the tree is not said to be local")
			}
		})
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
