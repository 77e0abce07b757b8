package bot

import (
	"encoding/json"
	"strings"
)

// Shown is what a preview comment shows, in a form that we can read again: a deploy binds to it.
type Shown struct {
	Head string `json:"head"`
	Base string `json:"base"`
	// Digests are those of the change sets shown, by target; a target without a preview has none.
	Digests map[ID]string `json:"digests"`
}

// The marker is an HTML comment, which forges keep and do not show.
const (
	markerStart = "<!-- weighlock:preview "
	markerEnd   = " -->"
)

// marker is the hidden line that makes a comment ours. JSON escapes < and >, so that nothing inside can end it.
func (s Shown) marker() string {
	data, _ := json.Marshal(s) // strings and a map of strings always encode
	return markerStart + string(data) + markerEnd
}

// readMarker finds the marker of a comment's body. It is at the very start: text that quotes a marker has none.
func readMarker(body string) (Shown, bool) {
	rest, ok := strings.CutPrefix(body, markerStart)
	if !ok {
		return Shown{}, false
	}
	data, _, ok := strings.Cut(rest, markerEnd)
	var s Shown
	if !ok || json.Unmarshal([]byte(data), &s) != nil {
		return Shown{}, false
	}
	return s, true
}
