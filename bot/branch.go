package bot

import (
	"cmp"
	"context"
	"fmt"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
)

// A branchTrust tells whether what a branch's configuration says of a target counts. Whoever may write may push some branch, with a
// configuration that asks for nothing: the default branch decides which other branch a target is deployed from.
type branchTrust struct {
	branch, defaultBranch string
	// config is the default branch's; nil where the branch is that one.
	config *Config
}

// trust finds out what is to be said of a branch. defaultBranch is the repository's, where that is known.
func (b *Bot) trust(ctx context.Context, clone *checkout.Repo, repo forge.Repo, branch, defaultBranch string) (branchTrust, error) {
	if defaultBranch == "" {
		about, err := b.Forge.Repository(ctx, repo)
		if err != nil {
			return branchTrust{}, fmt.Errorf("which branch is the default one could not be found out: %w", err)
		}
		defaultBranch = about.DefaultBranch
	}
	t := branchTrust{branch: branch, defaultBranch: defaultBranch}
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
