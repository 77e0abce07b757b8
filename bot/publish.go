package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// previewBody is the preview comment: the marker, then the report in what space remains.
func (b *Bot) previewBody(p report.Preview, s Shown) string {
	marker := s.marker() + "\n"
	return marker + p.Markdown(b.Forge.MaxComment()-len([]rune(marker)))
}

// publishPreview creates the pull request's one preview comment, or updates it. If the head has moved on meanwhile,
// nothing is published: the newer head has a run of its own.
func (b *Bot) publishPreview(ctx context.Context, pr forge.PullRequest, body string) error {
	now, err := b.Forge.PullRequest(ctx, pr.Repo, pr.Number)
	if err != nil {
		return fmt.Errorf("publishing the preview: %w", err)
	}
	if now.Head.SHA != pr.Head.SHA {
		b.Log.InfoContext(ctx, "the head has moved on; the preview is not published", "previewed", pr.Head.SHA, "head", now.Head.SHA)
		return nil
	}
	old, err := b.previewComment(ctx, pr)
	if err != nil {
		return fmt.Errorf("looking for the preview comment: %w", err)
	}
	if old == nil {
		_, err = b.Forge.CreateComment(ctx, pr.Repo, pr.Number, body)
	} else if old.Body != body {
		_, err = b.Forge.UpdateComment(ctx, *old, body)
	}
	if err != nil {
		return fmt.Errorf("publishing the preview: %w", err)
	}
	return nil
}

// previewComment finds our preview comment: by its marker and by its author, for anyone may write a marker.
func (b *Bot) previewComment(ctx context.Context, pr forge.PullRequest) (*forge.Comment, error) {
	self, err := b.Forge.Self(ctx)
	if err != nil {
		return nil, err
	}
	comments, err := b.Forge.Comments(ctx, pr.Repo, pr.Number)
	if err != nil {
		return nil, err
	}
	for _, c := range comments {
		if _, ok := readMarker(c.Body); ok && c.Author.Same(self) {
			return &c, nil
		}
	}
	return nil, nil
}

// answerTimeout bounds the answer of a job that may have been cancelled: runners wait some seconds before they kill.
const answerTimeout = 20 * time.Second

// answer adds a comment that people must see.
func (b *Bot) answer(ctx context.Context, pr forge.PullRequest, body string) error {
	// What was done must be told, also when the job is being cancelled.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	if _, err := b.Forge.CreateComment(ctx, pr.Repo, pr.Number, body); err != nil {
		return fmt.Errorf("answering on %s: %w", pr, err)
	}
	return nil
}

// react is a courtesy: if it fails, the answer still comes.
func (b *Bot) react(ctx context.Context, c forge.Comment, r forge.Reaction) {
	if err := b.Forge.React(ctx, c, r); err != nil {
		b.Log.WarnContext(ctx, "no reaction", "reaction", r, "error", err)
	}
}

// tell publishes an error that kept a pull request from being previewed at all, and returns it.
func (b *Bot) tell(ctx context.Context, pr forge.PullRequest, cause error) error {
	p := report.Preview{Head: pr.Head.SHA, Base: pr.Base.SHA, BaseName: pr.Base.Name, Problem: cause.Error()}
	body := b.previewBody(p, Shown{Head: pr.Head.SHA, Base: pr.Base.SHA})
	return errors.Join(cause, b.publishPreview(ctx, pr, body))
}

// refusal words a verdict that is a no: every gate, met or not.
func refusal(id ID, v Verdict) string {
	var s strings.Builder
	fmt.Fprintf(&s, "😕 **%s** was not deployed: %d of %d conditions are not met.\n\n", report.Escape(string(id)), v.Missing(), len(v))
	for _, g := range v {
		mark := " "
		if g.Met {
			mark = "x"
		}
		fmt.Fprintf(&s, "- [%s] %s\n", mark, report.Escape(g.Text))
	}
	return s.String()
}

// hidePath takes the place of a temporary tree out of an error's text: it means nothing to the reader.
func hidePath(err error, dir string) error {
	if err == nil || !strings.Contains(err.Error(), dir) {
		return err
	}
	return &hidden{err, strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/", ""), dir, ".")}
}

type hidden struct {
	err  error
	text string
}

func (h *hidden) Error() string { return h.text }
func (h *hidden) Unwrap() error { return h.err }

// maxError is how many characters of an error a comment shows; the log has all of it.
const maxError = 8000

// limited is an error's text, cut at a line's end where it is too long for a comment.
func limited(err error) string {
	text := err.Error()
	runes := []rune(text)
	if len(runes) <= maxError {
		return text
	}
	text = string(runes[:maxError])
	if i := strings.LastIndexByte(text, '\n'); i > 0 {
		text = text[:i]
	}
	return fmt.Sprintf("%s\n… and %d more lines; the log has them all", text, strings.Count(err.Error(), "\n")-strings.Count(text, "\n"))
}
