package checkout

import (
	"context"
	"fmt"
	"strings"
)

// Resolve returns the commit that a name means in the clone, as people name commits: a branch, a tag, HEAD~2, a short id.
func (r *Repo) Resolve(ctx context.Context, name string) (string, error) {
	clone := git{dir: r.root, global: []string{"-c", "safe.directory=*"}, env: cloneEnv(r.opts.Environ)}
	out, err := clone.run(ctx, command{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"}})
	if err != nil {
		return "", fmt.Errorf("%q names no commit of %s: %w", name, r.root, err)
	}
	id := strings.TrimSpace(string(out))
	return id, checkID(id)
}

// Tip returns the commit that a branch of the remote points at now. What the clone has checked out says nothing about
// that: a job may check out whatever it likes.
func (r *Repo) Tip(ctx context.Context, branch string) (string, error) {
	ref := "refs/heads/" + branch
	if !isRef(ref) {
		return "", fmt.Errorf("%q is not the name of a branch", branch)
	}
	if r.remote.url == "" {
		return "", fmt.Errorf("the clone in %s has no remote %q to ask for branch %s; %s", r.root, r.opts.Remote, branch, fullClone)
	}
	out, err := r.git.run(ctx, command{args: []string{"ls-remote", "--end-of-options", "origin", ref}, online: true})
	if err != nil {
		return "", r.fetchError([]string{branch}, err)
	}
	for line := range strings.Lines(string(out)) {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && name == ref {
			return id, checkID(id)
		}
	}
	return "", fmt.Errorf("branch %s does not exist on %s any more", branch, redact(r.remote.url, nil))
}

// DefaultBranch is the remote's default branch as it was when the clone was made, else the branch that is checked out; ""
// where neither is known.
func (r *Repo) DefaultBranch(ctx context.Context) string {
	clone := git{dir: r.root, global: []string{"-c", "safe.directory=*"}, env: cloneEnv(r.opts.Environ)}
	for _, ref := range []string{"refs/remotes/" + r.opts.Remote + "/HEAD", "HEAD"} {
		out, err := clone.run(ctx, command{args: []string{"symbolic-ref", "--quiet", ref}})
		if err != nil {
			continue
		}
		name := strings.TrimSpace(string(out))
		if branch, ok := strings.CutPrefix(name, "refs/remotes/"+r.opts.Remote+"/"); ok {
			return branch
		}
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			return branch
		}
	}
	return ""
}
