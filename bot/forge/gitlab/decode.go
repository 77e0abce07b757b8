package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// The events that we act on, as the header X-Gitlab-Event names them, with the
// object_kind that their payloads have.
const (
	mergeRequestHook = "Merge Request Hook"
	noteHook         = "Note Hook"
	pushHook         = "Push Hook"
	pipelineHook     = "Pipeline Hook"
)

var kinds = map[string]string{mergeRequestHook: "merge_request", noteHook: "note", pushHook: "push", pipelineHook: "pipeline"}

// Decode reads what GitLab says has happened: the payload of a webhook whose
// token or signature has been verified. The name is that of the X-Gitlab-Event
// header; delivery, which becomes the event's Delivery.ID, that of
// Idempotency-Key, which stays when GitLab tries again, or of X-Gitlab-Event-UUID.
//
// What does not concern us is no error but [forge.Ignored]. An error means
// that the payload is not one of the event named. Nothing is asked of GitLab.
func Decode(name, delivery string, payload []byte) (forge.Event, error) {
	event, err := decode(name, delivery, payload)
	if err != nil {
		return nil, fmt.Errorf("decoding GitLab event %q: %w", name, err)
	}
	return event, nil
}

func decode(name, delivery string, payload []byte) (forge.Event, error) {
	if name == "" {
		return nil, errors.New("the event has no name")
	}
	if len(payload) == 0 {
		return nil, errors.New("the payload is empty")
	}
	var envelope struct {
		ObjectKind string            `json:"object_kind"`
		Project    *wireEventProject `json:"project"`
		User       *wireUser         `json:"user"`
	}
	kind, ours := kinds[name]
	if err := json.Unmarshal(payload, &envelope); err != nil {
		if !ours { // other events have other things by these names
			return ignored(forge.Delivery{ID: delivery}, "%s is none of the events that we act on", name)
		}
		return nil, fmt.Errorf("the payload is not what GitLab sends: %w", err)
	}
	if ours && envelope.ObjectKind != kind {
		return nil, fmt.Errorf("the payload is one of %q, want %q", envelope.ObjectKind, kind)
	}
	if ours && envelope.Project == nil {
		return nil, errors.New("the payload has no project")
	}
	from := forge.Delivery{ID: delivery, Sender: envelope.User.forge()}
	if p := envelope.Project; p != nil {
		repo, err := forge.ParseRepo(p.PathWithNamespace)
		if err != nil && ours {
			return nil, err
		}
		from.Repo, from.DefaultBranch = repo, p.DefaultBranch
		from.Private = p.VisibilityLevel != nil && *p.VisibilityLevel < public
	}
	switch name {
	case mergeRequestHook:
		return mergeRequestEvent(from, payload)
	case noteHook:
		return noteEvent(from, payload)
	case pushHook:
		return pushEvent(from, payload)
	case pipelineHook:
		return pipelineEvent(from, payload)
	}
	return ignored(from, "%s is none of the events that we act on", name)
}

func ignored(from forge.Delivery, format string, args ...any) (forge.Event, error) {
	return forge.Ignored{Delivery: from, Reason: fmt.Sprintf(format, args...)}, nil
}

// public is the visibility level of what everybody can read; below it are
// internal (10) and private (0).
const public = 20

// wireEventProject is a project as payloads have it.
type wireEventProject struct {
	PathWithNamespace string `json:"path_with_namespace"`
	DefaultBranch     string `json:"default_branch"`
	VisibilityLevel   *int   `json:"visibility_level"`
}

// wireEventMergeRequest is a merge request as payloads have it.
type wireEventMergeRequest struct {
	IID             int               `json:"iid"`
	Title           string            `json:"title"`
	URL             string            `json:"url"`
	State           string            `json:"state"`
	Draft           bool              `json:"draft"`
	WorkInProgress  bool              `json:"work_in_progress"` // what draft was called before
	AuthorID        int64             `json:"author_id"`
	SourceBranch    string            `json:"source_branch"`
	TargetBranch    string            `json:"target_branch"`
	SourceProjectID int64             `json:"source_project_id"`
	TargetProjectID int64             `json:"target_project_id"`
	Source          *wireEventProject `json:"source"`
	MergeCommitSHA  string            `json:"merge_commit_sha"`
	LastCommit      *struct {
		ID string `json:"id"`
	} `json:"last_commit"`
}

func (m *wireEventMergeRequest) head() string {
	if m.LastCommit == nil {
		return ""
	}
	return m.LastCommit.ID
}

func (m *wireEventMergeRequest) forge(from forge.Delivery) (forge.PullRequest, error) {
	state, err := state(m.State)
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("merge request %d: %w", m.IID, err)
	}
	pr := forge.PullRequest{
		Repo:   from.Repo,
		Number: m.IID,
		Title:  m.Title,
		URL:    m.URL,
		State:  state,
		Draft:  m.Draft || m.WorkInProgress,
		Author: forge.User{ID: m.AuthorID},
		Head:   forge.Ref{Name: m.SourceBranch, SHA: m.head()},
		Base:   forge.Ref{Name: m.TargetBranch, Repo: from.Repo},
		Fork:   m.SourceProjectID != m.TargetProjectID,
	}
	if !isCommit(pr.Head.SHA) {
		return forge.PullRequest{}, fmt.Errorf("merge request %d: head %q is no commit", m.IID, pr.Head.SHA)
	}
	if from.Sender.ID == m.AuthorID {
		pr.Author = from.Sender
	}
	switch {
	case !pr.Fork:
		pr.Head.Repo = from.Repo
	case m.Source != nil:
		if pr.Head.Repo, err = forge.ParseRepo(m.Source.PathWithNamespace); err != nil {
			return forge.PullRequest{}, fmt.Errorf("merge request %d: source: %w", m.IID, err)
		}
	}
	if state == forge.StateMerged && m.MergeCommitSHA != "" {
		if !isCommit(m.MergeCommitSHA) {
			return forge.PullRequest{}, fmt.Errorf("merge request %d: merged as %q, which is no commit", m.IID, m.MergeCommitSHA)
		}
		pr.MergeCommit = m.MergeCommitSHA
	}
	return pr, nil
}

// change is what a field was and is.
type change[T any] struct {
	Previous T `json:"previous"`
	Current  T `json:"current"`
}

// changes are those that matter to us. Before GitLab 16 a title tells whether
// the merge request is a draft.
type changes struct {
	Draft        *change[bool]   `json:"draft"`
	Title        *change[string] `json:"title"`
	TargetBranch *change[string] `json:"target_branch"`
}

func mergeRequestEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Attributes *struct {
			wireEventMergeRequest
			Action string `json:"action"`
			OldRev string `json:"oldrev"`
		} `json:"object_attributes"`
		Changes json.RawMessage `json:"changes"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	m := wire.Attributes
	if m == nil || m.IID <= 0 {
		return nil, errors.New("the payload has no merge request, or one without a number")
	}
	event := forge.PullRequestChanged{Delivery: from}
	switch m.Action {
	case "open":
		event.Action = forge.Opened
	case "reopen":
		event.Action = forge.Reopened
	case "close", "merge":
		event.Action = forge.Closed
	case "update":
		var changed changes
		if len(wire.Changes) > 0 {
			if err := json.Unmarshal(wire.Changes, &changed); err != nil {
				return nil, fmt.Errorf("changes: %w", err)
			}
		}
		if event.Action = changed.action(m.OldRev); event.Action == "" {
			return ignored(from, "an update that changes neither commits, nor target branch, nor draft")
		}
	case "":
		return ignored(from, "a merge request with nothing done to it, as test deliveries have it")
	default:
		return ignored(from, "a merge request with the action %s", m.Action)
	}
	if m.head() == "" {
		return ignored(from, "the merge request %d has no commits", m.IID)
	}
	if event.Action == forge.Synchronized {
		if !isCommit(m.OldRev) {
			return nil, fmt.Errorf("merge request %d: previous head %q is no commit", m.IID, m.OldRev)
		}
		event.Before = m.OldRev
	}
	var err error
	event.PullRequest, err = m.forge(from)
	if err != nil {
		return nil, err
	}
	return event, nil
}

// action is what an update amounts to, the weightiest where it is several
// things at once; empty when it is nothing to us.
func (c changes) action(oldRev string) forge.Action {
	draft := c.Draft
	if draft == nil && c.Title != nil {
		draft = &change[bool]{Previous: isDraft(c.Title.Previous), Current: isDraft(c.Title.Current)}
	}
	switch {
	case oldRev != "":
		return forge.Synchronized
	case c.TargetBranch != nil && c.TargetBranch.Previous != c.TargetBranch.Current:
		return forge.Retargeted
	case draft == nil || draft.Previous == draft.Current:
		return ""
	case draft.Current:
		return forge.Drafted
	}
	return forge.Ready
}

// isDraft tells whether a merge request of this title is a draft.
func isDraft(title string) bool {
	title = strings.ToLower(strings.TrimSpace(title))
	for _, prefix := range []string{"draft:", "[draft]", "(draft)"} {
		if strings.HasPrefix(title, prefix) {
			return true
		}
	}
	return false
}

func noteEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		EventType  string `json:"event_type"`
		Attributes *struct {
			ID           int64     `json:"id"`
			Note         string    `json:"note"`
			Type         string    `json:"type"`
			NoteableType string    `json:"noteable_type"`
			AuthorID     int64     `json:"author_id"`
			CreatedAt    eventTime `json:"created_at"`
			UpdatedAt    eventTime `json:"updated_at"`
			System       bool      `json:"system"`
			Internal     bool      `json:"internal"`
			Action       string    `json:"action"`
			URL          string    `json:"url"`
		} `json:"object_attributes"`
		MergeRequest *wireEventMergeRequest `json:"merge_request"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	n := wire.Attributes
	if n == nil || n.ID <= 0 {
		return nil, errors.New("the payload has no note, or one without an id")
	}
	switch {
	case n.NoteableType != "MergeRequest":
		return ignored(from, "a comment on something else (%s) than a merge request", n.NoteableType)
	case n.System:
		return ignored(from, "a note that GitLab itself made")
	case n.Internal || wire.EventType == "confidential_note":
		return ignored(from, "an internal note, which not everybody can read")
	case n.Type == onCode:
		return ignored(from, "a comment on lines of code")
	case n.Action != "create":
		return ignored(from, "a comment that is not said to be new (action %q); only new ones count", n.Action)
	case wire.MergeRequest == nil || wire.MergeRequest.IID <= 0:
		return nil, errors.New("the payload has no merge request, or one without a number")
	case from.Sender.ID != n.AuthorID:
		return nil, errors.New("the comment is by another account than the event")
	}
	m := wire.MergeRequest
	state, err := state(m.State)
	if err != nil {
		return nil, fmt.Errorf("merge request %d: %w", m.IID, err)
	}
	if head := m.head(); head != "" && !isCommit(head) {
		return nil, fmt.Errorf("merge request %d: head %q is no commit", m.IID, head)
	}
	return forge.CommentCreated{
		Delivery: from, State: state, Draft: m.Draft || m.WorkInProgress, Head: m.head(),
		Comment: forge.Comment{
			Repo: from.Repo, Number: m.IID, ID: n.ID, Author: from.Sender, Body: n.Note, URL: n.URL,
			Created: n.CreatedAt.Time, Updated: n.UpdatedAt.Time,
		},
	}, nil
}
