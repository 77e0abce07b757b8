package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// needs lists the parts that tell the payload of an event from that of
// another. What it does not list is not decoded.
var needs = map[string][]string{
	"pull_request":        {"action", "pull_request", "repository"},
	"pull_request_target": {"action", "pull_request", "repository"},
	"issue_comment":       {"action", "comment", "issue", "repository"},
	"push":                {"ref", "before", "after", "repository"},
	"merge_group":         {"action", "merge_group", "repository"},
	"check_suite":         {"action", "check_suite", "repository"},
}

// Decode reads what GitHub says has happened: the payload of a webhook whose
// signature has been verified, or the event file of a CI job, which has the
// same form. The name is that of the X-GitHub-Event header, or of
// GITHUB_EVENT_NAME; delivery becomes the event's Delivery.ID.
//
// What does not concern us is no error but [forge.Ignored]. An error means
// that the payload is not one of the event named. Nothing is asked of GitHub.
func Decode(name, delivery string, payload []byte) (forge.Event, error) {
	event, err := decode(name, delivery, payload)
	if err != nil {
		return nil, fmt.Errorf("decoding GitHub event %q: %w", name, err)
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
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(payload, &parts); err != nil {
		return nil, fmt.Errorf("the payload is not a JSON object: %w", err)
	}
	var missing []string
	for _, part := range needs[name] {
		if v := parts[part]; v == nil || string(v) == "null" {
			missing = append(missing, part)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the payload has no %s%s", strings.Join(missing, ", no "), looksLike(parts))
	}
	from, err := envelope(delivery, payload)
	if err != nil {
		return nil, err
	}
	switch name {
	case "pull_request", "pull_request_target":
		return pullRequestEvent(from, payload)
	case "issue_comment":
		return commentEvent(from, payload)
	case "push":
		return pushEvent(from, payload)
	case "merge_group":
		return mergeGroupEvent(from, payload)
	case "check_suite":
		return checkSuiteEvent(from, payload)
	}
	return ignored(from, "%s is none of the events that we act on", name)
}

// looksLike guesses which event a payload belongs to, for the message to whom
// took the wrong file.
func looksLike(parts map[string]json.RawMessage) string {
	names := make([]string, 0, len(needs))
	for name := range needs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.ContainsFunc(needs[name], func(part string) bool { return parts[part] == nil }) {
			return fmt.Sprintf(": it looks like one of the event %s", name)
		}
	}
	return ""
}

func ignored(from forge.Delivery, format string, args ...any) (forge.Event, error) {
	return forge.Ignored{Delivery: from, Reason: fmt.Sprintf(format, args...)}, nil
}

// envelope reads what all payloads share. Some concern no repository.
func envelope(delivery string, payload []byte) (forge.Delivery, error) {
	var wire struct {
		Repository *wireRepository `json:"repository"`
		Sender     *wireUser       `json:"sender"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return forge.Delivery{}, err
	}
	from := forge.Delivery{ID: delivery, Sender: wire.Sender.forge()}
	if wire.Repository != nil {
		repo, err := wire.Repository.forge()
		if err != nil {
			return forge.Delivery{}, err
		}
		from.Repo, from.DefaultBranch, from.Private = repo, wire.Repository.DefaultBranch, wire.Repository.Private
	}
	return from, nil
}

// actions are GitHub's words for what we act on. "edited" is not among them:
// it counts only when the base branch is what was edited.
var actions = map[string]forge.Action{
	"opened":             forge.Opened,
	"reopened":           forge.Reopened,
	"synchronize":        forge.Synchronized,
	"ready_for_review":   forge.Ready,
	"converted_to_draft": forge.Drafted,
	"closed":             forge.Closed,
}

func pullRequestEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Action      string           `json:"action"`
		Before      string           `json:"before"`
		PullRequest *wirePullRequest `json:"pull_request"`
		Changes     struct {
			Base *struct{} `json:"base"`
		} `json:"changes"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	action, known := actions[wire.Action]
	if wire.Action == "edited" && wire.Changes.Base != nil {
		action, known = forge.Retargeted, true
	}
	if !known {
		return ignored(from, "a pull request was %s, which changes nothing to deploy", strings.ReplaceAll(wire.Action, "_", " "))
	}
	pr, err := wire.PullRequest.forge()
	if err != nil {
		return nil, err
	}
	if pr.Repo != from.Repo {
		return nil, fmt.Errorf("the payload's repository is %s, its pull request's is %s", from.Repo, pr.Repo)
	}
	event := forge.PullRequestChanged{Delivery: from, Action: action, PullRequest: pr}
	if action == forge.Synchronized && isCommit(wire.Before) {
		event.Before = wire.Before
	}
	return event, nil
}

func commentEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Action  string       `json:"action"`
		Comment *wireComment `json:"comment"`
		Issue   wireIssue    `json:"issue"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	switch {
	case wire.Action != "created":
		return ignored(from, "a comment was %s; only new ones count", wire.Action)
	case wire.Issue.PullRequest == nil:
		return ignored(from, "a comment on an issue, not on a pull request")
	case wire.Issue.Number <= 0:
		return nil, errors.New("the pull request has no number")
	}
	comment, err := wire.Comment.forge(from.Repo, wire.Issue.Number)
	if err != nil {
		return nil, err
	}
	state, err := state(wire.Issue.State, wire.Issue.PullRequest.MergedAt)
	if err != nil {
		return nil, fmt.Errorf("pull request %d: %w", wire.Issue.Number, err)
	}
	return forge.CommentCreated{Delivery: from, Comment: comment, State: state, Draft: wire.Issue.Draft}, nil
}

func pushEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Ref    string `json:"ref"`
		Before string `json:"before"`
		After  string `json:"after"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	branch, isBranch := strings.CutPrefix(wire.Ref, "refs/heads/")
	switch {
	case !isBranch || branch == "":
		return ignored(from, "a push to %s, which is no branch", wire.Ref)
	case !isCommit(wire.Before) || !isCommit(wire.After):
		return nil, fmt.Errorf("before %q or after %q is no commit", wire.Before, wire.After)
	case isZero(wire.After):
		return ignored(from, "the branch %s was deleted", branch)
	}
	event := forge.BranchPushed{Delivery: from, Branch: branch, After: wire.After}
	if !isZero(wire.Before) {
		event.Before = wire.Before
	}
	return event, nil
}

// queueBranch is the name of a branch that GitHub makes for a merge queue.
var queueBranch = regexp.MustCompile(`^refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,9})-[0-9a-f]+$`)

func mergeGroupEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Action string `json:"action"`
		Group  struct {
			HeadSHA string `json:"head_sha"`
			HeadRef string `json:"head_ref"`
			BaseSHA string `json:"base_sha"`
			BaseRef string `json:"base_ref"`
		} `json:"merge_group"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	if wire.Action != "checks_requested" {
		return ignored(from, "a merge queue's entry was %s", wire.Action)
	}
	g := wire.Group
	base, isBranch := strings.CutPrefix(g.BaseRef, "refs/heads/")
	if !isCommit(g.HeadSHA) || !isCommit(g.BaseSHA) || !isBranch || base == "" {
		return nil, fmt.Errorf("head %q or base %q is no commit, or %q no branch", g.HeadSHA, g.BaseSHA, g.BaseRef)
	}
	event := forge.MergeQueued{Delivery: from, SHA: g.HeadSHA, Base: forge.Ref{Name: base, SHA: g.BaseSHA, Repo: from.Repo}}
	if m := queueBranch.FindStringSubmatch(g.HeadRef); m != nil {
		event.Number, _ = strconv.Atoi(m[1]) // nine digits fit
	}
	return event, nil
}

func checkSuiteEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Action string `json:"action"`
		Suite  struct {
			HeadSHA      string `json:"head_sha"`
			PullRequests []struct {
				Number int `json:"number"`
				Base   struct {
					Repo *struct {
						ID int64 `json:"id"`
					} `json:"repo"`
				} `json:"base"`
			} `json:"pull_requests"`
		} `json:"check_suite"`
		Repository struct {
			ID int64 `json:"id"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	if wire.Action != "completed" {
		return ignored(from, "checks were %s, not completed", wire.Action)
	}
	if !isCommit(wire.Suite.HeadSHA) {
		return nil, fmt.Errorf("head %q is no commit", wire.Suite.HeadSHA)
	}
	event := forge.ChecksFinished{Delivery: from, SHA: wire.Suite.HeadSHA}
	for _, pr := range wire.Suite.PullRequests {
		if pr.Base.Repo != nil && pr.Base.Repo.ID == wire.Repository.ID { // not one that a fork has of its own
			event.Number = pr.Number
			break
		}
	}
	return event, nil
}

// isZero tells whether a commit name is git's way to say that there is none.
func isZero(sha string) bool { return strings.Trim(sha, "0") == "" }
