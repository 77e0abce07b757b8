package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// refPrefix is where the scratch repository keeps what it fetched, so that the next fetch can tell the server.
const refPrefix = "refs/weighlock/"

// nextRefs is where one fetch keeps what it gets. Each has a place of its own: git does not ask the server for a commit that
// is already kept where it belongs, not even when it is to bring more history for it. Call it while holding fetching.
func (r *Repo) nextRefs() string {
	if r.mirror != nil { // whose history is never cut off
		return refPrefix + "kept/"
	}
	r.fetches++
	r.fetched.Store(true)
	return refPrefix + strconv.Itoa(r.fetches) + "/"
}

// wholeHistory is the depth that git understands as "no longer shallow".
const wholeHistory = 1<<31 - 1

// Fetch makes sure that the commits, given by their full ids, are at hand, and of several commits as much history as is
// needed to know the merge base of the first with each other. It uses the network only for what is missing.
//
// A complete clone stays complete; a shallow one is deepened step by step, in the scratch repository.
func (r *Repo) Fetch(ctx context.Context, commits ...string) error {
	if err := checkID(commits...); err != nil {
		return err
	}
	return r.mirror.suspect(ctx, r.fetchLacking(ctx, commits))
}

func (r *Repo) fetchLacking(ctx context.Context, commits []string) error {
	select {
	case r.fetching <- struct{}{}:
		defer func() { <-r.fetching }()
	case <-ctx.Done():
		return fmt.Errorf("fetching %s: %w", shortList(commits), ctx.Err())
	}
	lack, err := r.lack(ctx, commits)
	if err != nil || lack == "" {
		return err
	}
	if r.remote.url == "" {
		return fmt.Errorf("%s, and the clone in %s has no remote %q to fetch from; %s", lack, r.root, r.opts.Remote, fullClone)
	}
	depths, err := r.depths(len(commits))
	if err != nil {
		return err
	}
	if err := r.tellClone(ctx); err != nil {
		return err
	}
	byName := false
	for _, depth := range depths {
		if !byName {
			err := r.fetch(ctx, depth, commits)
			if byName = isRefused(err); err != nil && !byName {
				return r.fetchError(commits, err)
			}
		}
		if byName {
			if err := r.fetchNames(ctx, depth); err != nil {
				return r.fetchError(commits, err)
			}
		}
		if lack, err = r.lack(ctx, commits); err != nil || lack == "" {
			return err
		}
	}
	return fmt.Errorf("%s, also not after fetching from %s: was the branch force-pushed? Push again or reopen the pull request; or %s",
		lack, redact(r.remote.url, nil), fullClone)
}

const (
	fullClone  = "give the clone its whole history (in a workflow: actions/checkout with fetch-depth: 0)"
	readAccess = "the token needs to read the repository (in a workflow: permissions: {contents: read})"
)

// depths are the steps in which a history is deepened; 0 leaves a complete history complete.
func (r *Repo) depths(commits int) ([]int, error) {
	shallow, err := r.shallow()
	switch {
	case err != nil:
		return nil, err
	case len(shallow) == 0:
		return []int{0}, nil
	case commits == 1:
		return []int{1, 64, 512, 4096, wholeHistory}, nil
	}
	return []int{64, 512, 4096, wholeHistory}, nil
}

// tellClone makes the commit that the clone has checked out, which perhaps no branch holds, one that the server is told of.
func (r *Repo) tellClone(ctx context.Context) error {
	if r.head == "" || r.fetches > 0 {
		return nil
	}
	_, err := r.git.run(ctx, command{args: []string{"update-ref", refPrefix + "clone", r.head}})
	return err
}

func (r *Repo) fetch(ctx context.Context, depth int, commits []string) error {
	args := append(fetchArgs(depth), "--end-of-options", "origin")
	refs := r.nextRefs()
	for _, id := range commits {
		args = append(args, "+"+id+":"+refs+id)
	}
	_, err := r.store().run(ctx, command{args: args, online: true})
	return err
}

// store is the repository that keeps what is fetched.
func (r *Repo) store() git {
	g := r.git
	if r.mirror != nil {
		g.dir, g.global = r.mirror.dir, []string{"--git-dir=" + r.mirror.dir}
	}
	return g
}

// fetchNames fetches all names that were given; a name that does not exist must not keep the others back.
func (r *Repo) fetchNames(ctx context.Context, depth int) error {
	var failed []error
	names := append(slices.Clone(r.opts.Refs), "HEAD")
	refs := r.nextRefs()
	for i, name := range names {
		args := append(fetchArgs(depth), "--end-of-options", "origin", "+"+name+":"+refs+strconv.Itoa(i))
		if _, err := r.store().run(ctx, command{args: args, online: true}); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(failed) == len(names) {
		return errors.Join(failed...)
	}
	return nil
}

func fetchArgs(depth int) []string {
	args := []string{"fetch", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--filter=blob:none"}
	if depth > 0 {
		args = append(args, "--depth="+strconv.Itoa(depth))
	}
	return args
}

var (
	refusedID = regexp.MustCompile(`not our ref|unadvertised object|couldn't find remote ref`)
	noAccess  = regexp.MustCompile(`(?i)returned error: 40[134]|could not read (Username|Password)|authentication failed|permission denied|repository .*not found|access denied`)
	forbidden = regexp.MustCompile(`transport '.*' not allowed`)
)

// isRefused reports whether the server does not give commits by their id, or does not have these.
func isRefused(err error) bool {
	var failed *failure
	return errors.As(err, &failed) && refusedID.MatchString(failed.said)
}

// ErrUnavailable says that the server of a repository did not answer, or failed: the same may go well later.
var ErrUnavailable = errors.New("the server of the repository is not available")

type unavailableError struct{ error }

func (e *unavailableError) Unwrap() error { return e.error }

func (e *unavailableError) Is(target error) bool { return target == ErrUnavailable }

func (r *Repo) fetchError(ids []string, err error) error {
	remedy := ""
	var failed *failure
	if errors.As(err, &failed) {
		switch {
		case forbidden.MatchString(failed.said):
			remedy = "; a remote must be reached by https, http or ssh"
		case noAccess.MatchString(failed.said):
			remedy = "; " + readAccess
		case refusedID.MatchString(failed.said):
			remedy = "; " + fullClone
		}
	}
	if failed != nil && remedy == "" {
		err = &unavailableError{err}
	}
	return fmt.Errorf("fetching %s from %s: %w%s", shortList(ids), redact(r.remote.url, nil), err, remedy)
}

// lack says what of the commits and their history is not at hand; nothing if all is.
func (r *Repo) lack(ctx context.Context, commits []string) (string, error) {
	missing, err := r.missing(ctx, commits)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		return "commit " + shortList(missing) + " is not in the clone", nil
	}
	for _, other := range commits[min(1, len(commits)):] {
		complete, err := r.complete(ctx, commits[0], other)
		if err != nil {
			return "", err
		}
		if !complete {
			return fmt.Sprintf("the clone is too shallow to know where %s and %s parted", short(commits[0]), short(other)), nil
		}
	}
	return "", nil
}

// missing tells which objects are not at hand, without reaching for the remote.
func (r *Repo) missing(ctx context.Context, ids []string) ([]string, error) {
	if ids = r.known.lacking(ids); len(ids) == 0 {
		return nil, nil
	}
	var missing []string
	err := r.ask(ctx, whatKind, ids, func(i int, a answer) error {
		if a.kind == "" {
			missing = append(missing, ids[i])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for %s in the clone: %w", shortList(ids), err)
	}
	r.known.found(ids, missing)
	return missing, nil
}

// complete reports whether the merge bases of two commits that git finds are those of the whole history.
//
// In a shallow history git may find a common ancestor that is not the best one: a better one can hide where history was
// cut. It cannot when none of the commits that are not ancestors of what was found has its parents cut off.
func (r *Repo) complete(ctx context.Context, a, b string) (bool, error) {
	cut, err := r.shallow()
	if err != nil || len(cut) == 0 {
		return err == nil, err
	}
	bases, err := r.mergeBases(ctx, a, b)
	if err != nil {
		return false, err
	}
	args := append([]string{"rev-list", a, b, "--not"}, bases...)
	out, err := r.git.run(ctx, command{args: args})
	if err != nil {
		return false, fmt.Errorf("listing the commits between %s and %s: %w", short(a), short(b), err)
	}
	for line := range bytes.Lines(out) {
		if cut[string(bytes.TrimSpace(line))] {
			return false, nil
		}
	}
	return true, nil
}

func (r *Repo) mergeBases(ctx context.Context, a, b string) ([]string, error) {
	out, err := r.git.run(ctx, command{args: []string{"merge-base", "--all", a, b}})
	var failed *failure
	if errors.As(err, &failed) && failed.exit == 1 && failed.said == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("finding the merge base of %s and %s: %w", short(a), short(b), err)
	}
	return strings.Fields(string(out)), nil
}

func (r *Repo) shallowFile() string { return filepath.Join(r.git.dir, "shallow") }

// shallow are the commits whose parents were left out.
func (r *Repo) shallow() (map[string]bool, error) {
	content, err := os.ReadFile(r.shallowFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading how deep the history is: %w", err)
	}
	cut := make(map[string]bool)
	for _, id := range strings.Fields(string(content)) {
		cut[id] = true
	}
	return cut, nil
}

// partial says whether contents may have been left out: by the clone, by a fetch of ours, or in a mirror by any.
func (r *Repo) partial() bool {
	return r.mirror != nil || r.remote.partial || r.remote.url == "" || r.fetched.Load()
}

// fetchContents gets the objects among ids that a fetch without contents, or a partial clone, left out, all at once.
func (r *Repo) fetchContents(ctx context.Context, ids []string) error {
	if !r.partial() {
		return nil
	}
	missing, err := r.missing(ctx, ids)
	if err != nil || len(missing) == 0 {
		return err
	}
	if r.remote.url == "" {
		return fmt.Errorf("%d files are not in the clone in %s, which has no remote %q to fetch them from; %s", len(missing), r.root, r.opts.Remote, fullClone)
	}
	select {
	case r.fetching <- struct{}{}:
		defer func() { <-r.fetching }()
	case <-ctx.Done():
		return fmt.Errorf("fetching file contents: %w", ctx.Err())
	}
	_, err = r.store().run(ctx, command{
		args: append(fetchArgs(0), "--stdin", "--end-of-options", "origin"),
		// Which commits are here says nothing of which contents are: there is nothing to negotiate.
		config: []string{"fetch.negotiationAlgorithm=noop"},
		stdin:  []byte(strings.Join(missing, "\n") + "\n"),
		online: true,
	})
	if err != nil {
		return r.fetchError(missing, err)
	}
	return nil
}

// shortList names the first of many.
func shortList(ids []string) string {
	var names []string
	for _, id := range ids[:min(3, len(ids))] {
		names = append(names, short(id))
	}
	if more := len(ids) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
