package bot

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

var deployAnswer = regexp.MustCompile(`^` + answerMarker + `(?:push-[0-9a-f]+-(\S+)|comment-([0-9]+)-([0-9]+))` + markerEnd + `\n`)

// pushAnswered says whether a comment is an answer about a target that a push deploys, and about which.
func pushAnswered(body string) (bool, ID) {
	m := deployAnswer.FindStringSubmatch(body)
	if m == nil || m[1] == "" {
		return false, ""
	}
	target, err := url.PathUnescape(m[1])
	return err == nil, ID(target)
}

// afterMarker is what a comment of ours says.
func afterMarker(body string) string {
	_, said, _ := strings.Cut(body, markerEnd+"\n")
	return said
}

// supersede folds away, where the forge can, the last answer of ours that the answer id takes the place of: one about a deploy of the
// same targets, or of some of them. What came before that was folded away by it. The preview is no answer. A failure is logged: what
// people must see is there.
func (b *Bot) supersede(ctx context.Context, pr forge.PullRequest, id answerID, targets []string) {
	if !b.Forge.Capabilities().HideComments {
		return
	}
	ctx, cancel := outlive(ctx)
	defer cancel()
	self, err := b.Forge.Self(ctx)
	var all []forge.Comment
	if err == nil {
		all, err = b.Forge.Comments(ctx, pr.Repo, pr.Number)
	}
	if err == nil {
		if old := superseded(all, self, id, targets); old != nil {
			err = b.Forge.HideComment(ctx, *old)
		}
	}
	if err != nil {
		b.Log.WarnContext(ctx, "an answer that is out of date is not folded away", "pullRequest", pr.String(), "error", err)
	}
}

// superseded is the comment of ours that an answer about a deploy of targets takes the place of; nil for none.
func superseded(all []forge.Comment, self forge.User, id answerID, targets []string) *forge.Comment {
	for i, c := range slices.Backward(all) {
		m := deployAnswer.FindStringSubmatch(c.Body)
		if m == nil || !c.Author.Same(self) || m[0] == id.marker() {
			continue
		}
		target, _ := url.PathUnescape(m[1])
		about := []string{target}
		if m[1] == "" {
			about = deployedBy(all, m[2], m[3])
		}
		if len(about) > 0 && !slices.ContainsFunc(about, func(t string) bool { return !slices.Contains(targets, t) }) {
			return &all[i]
		}
	}
	return nil
}

// deployedBy are the targets of a comment's command that deploys, by its number; nil where there is none.
func deployedBy(all []forge.Comment, comment, number string) []string {
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	for _, c := range all {
		if strconv.FormatInt(c.ID, 10) != comment {
			continue
		}
		if said := ParseCommands(c.Body); n <= len(said) && (said[n-1].Verb == VerbDeploy || said[n-1].Verb == VerbPrune) {
			return said[n-1].Targets
		}
	}
	return nil
}
