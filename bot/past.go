package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/bot/checkout"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/lock"
)

// A past is what a branch was before a push. What the push itself brings must not decide about its own deploy: a policy that it
// changes, or a target that it points elsewhere, waits for a person.
type past struct {
	commit string
	config *Config
	tree   *tree
}

// Close removes what is on disk.
func (p *past) Close() error {
	if p == nil || p.tree == nil {
		return nil
	}
	return p.tree.Close()
}

// before is what a branch was at before what was pushed to it; nil where there was nothing: the first commit of all. Where the forge does
// not tell, it is what the new commit stands on.
func (b *Bot) before(ctx context.Context, repo *checkout.Repo, at, after string) (*past, error) {
	if at == "" {
		parents, err := repo.Parents(ctx, after)
		if err != nil || len(parents) == 0 {
			return nil, err
		}
		at = parents[0]
	}
	out := &past{commit: at}
	var err error
	if out.config, err = config(ctx, repo, at); err != nil {
		return nil, err
	}
	out.tree, err = b.base(ctx, repo, at, out.config, b.own(repo))
	return out, err
}

// harmless are keys of a policy that say nothing of who may do what: a push that changes them deploys all the same.
var harmless = map[string]bool{"environment.name": true, "environment.url": true}

// repolicied says what another configuration makes of a target's policy, "" for nothing that matters to a deploy.
func (c *Config) repolicied(next *Config, j Job) string {
	keys := c.changesOf(next, j, harmless)
	if was, is := c.Records.Namespace, next.Records.Namespace; was != is { // where others' locks would not be seen
		keys = append(keys, fmt.Sprintf("records.namespace %s → %s", cmp.Or(was, lock.Namespace), cmp.Or(is, lock.Namespace)))
	}
	return strings.Join(keys, ", ")
}

// led says how a target leads elsewhere than it did, or, if it is new, to where another one did; "" for neither.
func led(ctx context.Context, was, is *tree, j Job) (string, error) {
	now, err := is.target(ctx, j)
	if err != nil {
		return "", err
	}
	others := ""
	for _, other := range identify(was.Targets) {
		then, err := was.target(ctx, other)
		switch {
		case err != nil:
			return "", fmt.Errorf("where %s led: %w", other.ID, hidePath(err, was.dir.Path()))
		case other.ID == j.ID && then.Context != now.Context:
			return fmt.Sprintf("its context was %q and is %q", then.Context, now.Context), nil
		case other.ID == j.ID && then.Discriminator != now.Discriminator:
			return fmt.Sprintf("its discriminator was %q and is %q", then.Discriminator, now.Discriminator), nil
		case other.ID == j.ID:
			return "", nil
		case now.Discriminator != "" && then.Discriminator == now.Discriminator && then.Context == now.Context:
			others = fmt.Sprintf("it leads where %s did (discriminator %q)", other.ID, now.Discriminator)
		}
	}
	return others, nil
}

// bound are the gates that bind a target's deploy to what its branch was before the push: nil where nothing of that is in the way.
func (b *Bot) bound(ctx context.Context, t *tree, j Job, p pushed) Verdict {
	was, err := p.past(p.since(j.ID))
	switch {
	case err != nil:
		return called("policy", unknown(fmt.Sprintf("%s deployed %s as it does now before this push", p.Branch, j.ID), err))
	case was == nil:
		return nil
	}
	var v Verdict
	own := p.DefaultBranch == "" || p.Branch == p.DefaultBranch // else the default branch says who may do what
	if what := was.config.repolicied(t.config, j); own && what != "" {
		v = append(v, Gate{Name: "policy", State: GateNotMet, Text: fmt.Sprintf("this push itself changes who may deploy %s, and how: %s", j.ID, what)})
	}
	if where, err := led(ctx, was.tree, t, j); err != nil {
		v = append(v, called("target", unknown("the target is where it was", err))...)
	} else if where != "" {
		v = append(v, Gate{Name: "target", State: GateNotMet, Text: "this push itself points the target elsewhere: " + where})
	}
	return append(v, b.pusher(ctx, was, j, p).of(GateNotMet)...)
}

// pusher are the gates about who has pushed or merged, where more than writing to the repository is asked for.
func (b *Bot) pusher(ctx context.Context, was *past, j Job, p pushed) Verdict {
	allow := j.Policy.Allow
	if allow.Permission <= forge.Write && len(allow.Teams)+len(allow.Users) == 0 && !j.Policy.Codeowners {
		return nil
	}
	var v Verdict
	for _, m := range p.bringing(j.ID) {
		if m.earlier {
			v = append(v, Gate{Name: "actor", State: GateNotMet, Text: fmt.Sprintf("whoever merged %s may deploy %s (that was another push, and who made it is not known any more)", m, j.ID)})
		}
	}
	r := Request{Job: j, Actor: p.Sender, Permission: fact(b.Forge.Permission(ctx, p.Repo, p.Sender)), Team: fact(b.team(ctx, p.Sender, allow.Teams))}
	if j.Policy.Codeowners {
		// What came by the push, whoever wrote it, by the owners that there were before.
		of := forge.PullRequest{Repo: p.Repo, State: forge.StateOpen, Head: forge.Ref{SHA: p.After}}
		r.Unowned = fact(b.unowned(ctx, asked{by: p.Sender, repo: p.repo, base: was.commit, pr: of}))
	}
	return append(v, called("actor", r.allowed()...)...)
}

// gone are the targets that the base has and its merge with the head has not, unless another one leads to the same objects then.
func gone(ctx context.Context, before, head *tree) []ID {
	then := identify(head.Targets)
	var out []ID
	for _, j := range identify(before.Targets) {
		if slices.ContainsFunc(then, func(k Job) bool { return k.Project == j.Project && k.Name == j.Name }) {
			continue
		}
		was, err := before.target(ctx, j)
		taken := err == nil && was.Discriminator != "" && slices.ContainsFunc(then, func(k Job) bool {
			is, err := head.target(ctx, k)
			return err == nil && is.Discriminator == was.Discriminator && is.Context == was.Context
		})
		if !taken {
			out = append(out, j.ID)
		}
	}
	return out
}

// leadsElsewhere says of a preview's target what its merge changes of where it leads, "" for nothing.
func leadsElsewhere(ctx context.Context, before, head *tree, j Job) string {
	where, err := led(ctx, before, head, j)
	if err != nil {
		return "" // the preview itself says what is wrong
	}
	return strings.NewReplacer(" and is ", " and would be ", "it leads where", "it would lead where", " did (", " does (").Replace(where)
}
