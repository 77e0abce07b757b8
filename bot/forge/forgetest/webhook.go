package forgetest

import (
	"encoding/json"
	"fmt"

	"github.com/weighlock/weighlock/bot/forge"
)

// Webhook is what a forge would send about something that happened. The body of
// GitHub's is also what a CI job finds in its event file.
type Webhook struct {
	// Name of the event, for X-GitHub-Event, GITHUB_EVENT_NAME or X-Gitlab-Event.
	Name string
	// Delivery, for X-GitHub-Delivery or X-Gitlab-Event-UUID.
	Delivery string
	Body     []byte
}

// Push is a branch that moves from one commit to another.
type Push struct {
	Repo   forge.Repo
	Branch string
	// Before is empty when the branch is new; After when it is deleted.
	Before, After string
	By            string // login
}

const noCommit = "0000000000000000000000000000000000000000"

// deliver finishes a payload.
func (s *standIn) deliver(name string, payload object) Webhook {
	body, err := json.Marshal(payload)
	if err != nil {
		panic(err) // our own maps
	}
	s.delivered++
	return Webhook{Name: name, Delivery: fmt.Sprintf("00000000-0000-4000-8000-%012d", s.delivered), Body: body}
}
