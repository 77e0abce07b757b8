package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/report"
)

// pagesOf makes the preview comment and its pages, given what the one that is there shows; nil where there is none of ours.
type pagesOf func(before *Shown) []string

// publishPreview creates the pull request's one preview comment and its pages, or updates them. If the head has moved on
// meanwhile, nothing is published: the newer head has a run of its own.
func (b *Bot) publishPreview(ctx context.Context, pr forge.PullRequest, mode CommentMode, render pagesOf) error {
	now, err := b.Forge.PullRequest(ctx, pr.Repo, pr.Number)
	if err != nil {
		return fmt.Errorf("publishing the preview: %w", err)
	}
	if now.Head.SHA != pr.Head.SHA {
		b.Log.InfoContext(ctx, "the head has moved on; the preview is not published", "previewed", pr.Head.SHA, "head", now.Head.SHA)
		return nil
	}
	if now.State == forge.StateMerged && pr.State != forge.StateMerged {
		b.Log.InfoContext(ctx, "it is merged meanwhile; the preview of what it would do is not published", "pullRequest", pr.String())
		return nil
	}
	ours, err := b.ourComments(ctx, pr)
	if err != nil {
		return fmt.Errorf("looking for the preview comment: %w", err)
	}
	old, pages := previewAmong(ours), render(b.shownBy(ctx, pr, ours))
	if mode == CommentNone && old == nil {
		return nil // one that somebody asked for is kept true
	}
	if mode == CommentNew {
		old = nil
	}
	if err := b.put(ctx, pr, old, pages[0]); err != nil {
		return fmt.Errorf("publishing the preview: %w", err)
	}
	for i := 1; i < len(pages); i++ {
		if err := b.put(ctx, pr, find(ours, pageHead(i+1)), pages[i]); err != nil {
			return fmt.Errorf("publishing page %d of the preview: %w", i+1, err)
		}
	}
	for n := len(pages) + 1; ; n++ { // pages that an earlier, longer preview has left
		left := find(ours, pageHead(n))
		if left == nil {
			return nil
		}
		if err := b.put(ctx, pr, left, pageHead(n)+"<sub>The preview has become shorter: this page is empty.</sub>\n"); err != nil {
			return fmt.Errorf("emptying page %d of the preview: %w", n, err)
		}
	}
}

// put makes a comment say what body says: old, if it is not nil, else a new one. A write whose answer got lost is looked
// for before it is repeated.
func (b *Bot) put(ctx context.Context, pr forge.PullRequest, old *forge.Comment, body string) error {
	for attempt := 1; ; attempt++ {
		var err error
		var now forge.Comment
		switch {
		case old == nil:
			now, err = b.Forge.CreateComment(ctx, pr.Repo, pr.Number, body)
		case old.Body == body:
			b.posted(*old)
			return nil
		default:
			now, err = b.Forge.UpdateComment(ctx, *old, body)
			if errors.Is(err, forge.ErrNotFound) { // somebody has deleted it
				old = nil
				continue
			}
		}
		if err == nil {
			b.posted(now)
		}
		if !errors.Is(err, forge.ErrUnavailable) || attempt == putAttempts || ctx.Err() != nil {
			return err
		}
		b.Log.WarnContext(ctx, "a comment may not have been written; looking for it", "error", err)
		if old != nil {
			continue // the same update twice is one
		}
		ours, lookErr := b.ourComments(ctx, pr)
		if lookErr != nil {
			return errors.Join(err, lookErr)
		}
		head, _, _ := strings.Cut(body, markerEnd)
		if old = find(ours, head); old != nil && old.Body == body {
			b.posted(*old)
			return nil
		}
	}
}

// putAttempts is how often a comment is written in all, when the forge does not say whether it was.
const putAttempts = 3

// ourComments are the comments of a pull request that we wrote: by their author, for anyone may write a marker.
func (b *Bot) ourComments(ctx context.Context, pr forge.PullRequest) ([]forge.Comment, error) {
	self, err := b.Forge.Self(ctx)
	if err != nil {
		return nil, err
	}
	all, err := b.Forge.Comments(ctx, pr.Repo, pr.Number)
	if err != nil {
		return nil, err
	}
	var ours []forge.Comment
	for _, c := range all {
		if c.Author.Same(self) {
			ours = append(ours, c)
		}
	}
	return ours, nil
}

// find is the last of our comments that begins with a marker.
func find(ours []forge.Comment, marker string) *forge.Comment {
	for i := len(ours) - 1; i >= 0; i-- {
		if strings.HasPrefix(ours[i].Body, marker) {
			return &ours[i]
		}
	}
	return nil
}

// previewAmong finds our preview comment; of several the last.
func previewAmong(ours []forge.Comment) *forge.Comment {
	for i := len(ours) - 1; i >= 0; i-- {
		if _, ok := readMarker(ours[i].Body); ok {
			return &ours[i]
		}
	}
	return nil
}

// answerTimeout bounds the answer of a job that has been cancelled: runners wait some seconds before they kill.
const answerTimeout = 20 * time.Second

// outlive is a context that goes on for a while when ctx ends: what was done must be told, also when the job is being
// cancelled.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	on, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(answerTimeout, cancel)
		context.AfterFunc(on, func() { timer.Stop() })
	})
	return on, func() { stop(); cancel() }
}

// answer adds a comment that people must see, or brings up to date the one that was written for the same cause before.
func (b *Bot) answer(ctx context.Context, pr forge.PullRequest, id answerID, body string) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	ours, err := b.ourComments(ctx, pr)
	if err != nil {
		b.Log.WarnContext(ctx, "whether the answer is there already cannot be found out", "error", err)
	}
	body = fitted(body, b.Forge.MaxComment()-commentReserve)
	if err := b.put(ctx, pr, find(ours, id.marker()), id.marker()+body); err != nil {
		return fmt.Errorf("answering on %s: %w", pr, err)
	}
	return nil
}

// answerUnlessThere answers, unless there is an answer for the same cause that knows more.
func (b *Bot) answerUnlessThere(ctx context.Context, pr forge.PullRequest, id answerID, body string, more func(answer string) bool) error {
	ours, err := b.ourComments(ctx, pr)
	if there := find(ours, id.marker()); err == nil && there != nil && more(there.Body) {
		return nil
	}
	return errors.Join(err, b.answer(ctx, pr, id, body))
}

var fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")

// fitted is an answer that fits into a comment: what is too long ends with a paragraph outside of code and folded text.
func fitted(body string, limit int) string {
	const more = "\n… There is more of it than fits into a comment; the log of the job has it all.\n"
	if len([]rune(body)) <= limit {
		return body
	}
	end, read, fence, open := 0, 0, "", 0
	left := limit - len([]rune(more))
	for line := range strings.Lines(body) {
		if left -= len([]rune(line)); left < 0 {
			break
		}
		read += len(line)
		switch m := fenceLine.FindStringSubmatch(line); {
		case m != nil && fence == "":
			fence = m[1]
		case m != nil && strings.HasPrefix(m[1], fence):
			fence = ""
		case fence == "":
			open += strings.Count(line, "<details") - strings.Count(line, "</details>")
		}
		if fence == "" && open == 0 {
			end = read
		}
	}
	return body[:end] + more
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
	pages := b.pages(pr, p, Shown{Head: pr.Head.SHA, Base: pr.Base.SHA})
	_ = b.check(ctx, pr.Commit(), p) // what it is about is told all the same
	return errors.Join(cause, b.publishPreview(ctx, pr, cmp.Or(b.CommentMode, CommentUpdate), func(*Shown) []string { return pages }))
}

// refusal words a verdict that is a no: every gate, those that are not met first, and apart those that nobody has looked at.
func refusal(id ID, what string, v Verdict) string {
	var s strings.Builder
	missing, met, unasked := v.of(GateNotMet), v.of(GateMet), v.of(GateUnasked)
	asked := len(missing) + len(met)
	fmt.Fprintf(&s, "😕 **%s** was not %s: %d of %d %s not met.\n\n", report.Escape(string(id)), what, len(missing), asked,
		plural(asked, "condition", "conditions")+" "+plural(len(missing), "is", "are"))
	for _, g := range append(missing, met...) {
		command := ""
		if g.Command != "" {
			command = ": " + report.Code(g.Command)
		}
		fmt.Fprintf(&s, "- [%s] %s%s\n", pick(g.State == GateMet, "x", " "), report.Escape(g.Text), command)
	}
	if len(unasked) > 0 {
		s.WriteString("\nNot looked at before that:\n\n")
	}
	for _, g := range unasked {
		fmt.Fprintf(&s, "- %s\n", report.Escape(g.Text))
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
