package gitlab

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

func pushEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Ref          string `json:"ref"`
		Before       string `json:"before"`
		After        string `json:"after"`
		UserID       int64  `json:"user_id"`
		UserUsername string `json:"user_username"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	from.Sender = (&wireUser{ID: wire.UserID, Username: wire.UserUsername}).forge()
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

func pipelineEvent(from forge.Delivery, payload []byte) (forge.Event, error) {
	var wire struct {
		Attributes struct {
			SHA    string `json:"sha"`
			Status string `json:"status"`
		} `json:"object_attributes"`
		MergeRequest *struct {
			IID             int   `json:"iid"`
			TargetProjectID int64 `json:"target_project_id"`
		} `json:"merge_request"`
		Project struct {
			ID int64 `json:"id"`
		} `json:"project"`
	}
	if err := json.Unmarshal(payload, &wire); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"success", "failed", "canceled", "skipped"}, wire.Attributes.Status) {
		return ignored(from, "a pipeline that has not ended (%s)", wire.Attributes.Status)
	}
	if !isCommit(wire.Attributes.SHA) {
		return nil, fmt.Errorf("pipeline of %q, which is no commit", wire.Attributes.SHA)
	}
	event := forge.ChecksFinished{Delivery: from, SHA: wire.Attributes.SHA}
	if m := wire.MergeRequest; m != nil && m.TargetProjectID == wire.Project.ID { // not one of a fork's pipeline
		event.Number = m.IID
	}
	return event, nil
}

// isZero tells whether a commit name is git's way to say that there is none.
func isZero(sha string) bool { return strings.Trim(sha, "0") == "" }

// eventTime is a time in either of the forms that payloads have.
type eventTime struct{ time.Time }

// UnmarshalJSON reads "2015-05-17 18:21:36 UTC" and RFC 3339.
func (t *eventTime) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	parsed, err := time.Parse("2006-01-02 15:04:05 MST", s)
	if err != nil {
		parsed, err = time.Parse(time.RFC3339, s)
	}
	t.Time = parsed.UTC()
	return err
}
