package bot

import (
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// An Observer is told what a run finds out, as it does: for the outputs of a CI job, which are for programs, where comments
// are for people. Nothing depends on it.
type Observer interface {
	// Found is called for each target that was compared or deployed, and for what kept all of them from that.
	Found(Finding)
	// Posted is called with each preview comment, when it says what it should.
	Posted(forge.Comment)
}

// A Finding is what became of one target.
type Finding struct {
	// Target is its name among all of the repository; "" where something is wrong with all of them.
	Target ID
	// Project is the directory of its project, as a slash path from the repository's root.
	Project string
	// Deploy says that it was to be deployed, or pruned, and not only compared.
	Deploy bool
	Set    *diff.ChangeSet
	// Result is nil where nothing was applied.
	Result *apply.Result
	// Err is why there is no change set, or why it was not applied.
	Err error
}

func (b *Bot) found(f Finding) {
	if b.Observer != nil {
		b.Observer.Found(f)
	}
}

// foundDeploy tells of a deploy, and returns it.
func (b *Bot) foundDeploy(j Job, d deployment) deployment {
	b.found(Finding{Target: j.ID, Project: j.Project.Path, Deploy: true, Set: d.set, Result: d.result, Err: d.err})
	return d
}

// posted tells of a comment, if it is a preview.
func (b *Bot) posted(c forge.Comment) {
	if _, ok := readMarker(c.Body); ok && b.Observer != nil {
		b.Observer.Posted(c)
	}
}
