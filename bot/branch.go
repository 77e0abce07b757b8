package bot

import (
	"cmp"
	"context"
	"fmt"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
)

// A branchTrust tells whether what a branch's configuration says of a target counts. Whoever may write may push some branch, with a
// configuration that asks for nothing: the default branch decides which other branch a target is deployed from, and by what policy.
type branchTrust struct {
	branch, defaultBranch string
	// config is the default branch's; nil where the branch is that one.
	config *Config
	// public is whether everybody can read the repository, nil where that was not found out on the way.
	public *bool
}

// trust finds out what is to be said of a branch. defaultBranch is the repository's, where that is known.
func (b *Bot) trust(ctx context.Context, clone *checkout.Repo, repo forge.Repo, branch, defaultBranch string) (branchTrust, error) {
	t := branchTrust{branch: branch}
	if defaultBranch == "" {
		about, err := b.Forge.Repository(ctx, repo)
		if err != nil {
			return branchTrust{}, fmt.Errorf("which branch is the default one could not be found out: %w", err)
		}
		defaultBranch, t.public = about.DefaultBranch, &about.Public
	}
	t.defaultBranch = defaultBranch
	if branch == defaultBranch {
		return t, nil
	}
	tip, err := clone.Tip(ctx, defaultBranch)
	if err != nil {
		return t, err
	}
	t.config, err = config(ctx, clone, tip)
	return t, err
}

// rule gives targets the policies that hold for them: on another branch than the default one, those that the default branch has.
func (t branchTrust) rule(targets []Target) {
	if t.config == nil {
		return
	}
	for i := range targets {
		targets[i].Policy = t.config.Policy(targets[i].Project.Name, targets[i].Name)
	}
}

// onPush says whether a push to the branch deploys a target, if the target's policy says so: both the branch's own configuration and that of
// the default branch have to name it.
func (t branchTrust) onPush(j Job) bool {
	return t.from(j) == "" && cmp.Or(j.Policy.Branch, t.defaultBranch) == t.branch
}

// from is the branch that a target is deployed from, where that is not the one in question; else "".
func (t branchTrust) from(j Job) string {
	if t.config == nil {
		return ""
	}
	if from := cmp.Or(t.config.Policy(j.Project.Name, j.Name).Branch, t.defaultBranch); from != t.branch {
		return from
	}
	return ""
}
