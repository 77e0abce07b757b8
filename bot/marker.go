package bot

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/diff"
)

// Shown is what a preview comment shows, in a form that we can read again: a deploy binds to it.
type Shown struct {
	Head string `json:"head"`
	Base string `json:"base"`
	// Digests are those of the change sets shown, by target; a target without a preview has none.
	Digests map[ID]string `json:"digests"`
	// Since says when each of these digests was first shown of this head: a command that was written before was about something
	// else. Its seconds are as exact as forges' times are.
	Since map[ID]time.Time `json:"since,omitempty"`
	// Guarded says of targets why their deletions need an explicit --prune.
	Guarded map[ID]string `json:"guarded,omitempty"`
	// Objects are short hashes of what was shown of each object, to say later in what a change differs; only the digest
	// decides whether it does. A target with very many has none; that has an empty one of which no change was shown.
	Objects map[ID]map[string]string `json:"objects,omitempty"`
	// Rendered are short hashes of the objects as rendered, whatever the cluster held, for the same purpose.
	Rendered map[ID]string `json:"rendered,omitempty"`
	// MAC says that it was us who showed it, where there is a key: others may edit our comments, and in a CI job write by the
	// account that is ours.
	MAC string `json:"mac,omitempty"`
}

// dated is what is shown with the times since when, given what was shown before; nil is nothing.
func (s Shown) dated(before *Shown, now time.Time) Shown {
	s.Since = map[ID]time.Time{}
	for id, digest := range s.Digests {
		s.Since[id] = now.UTC().Truncate(time.Second)
		if before == nil || before.Head != s.Head || before.Digests[id] != digest {
			continue
		}
		if at := before.Since[id]; !at.IsZero() {
			s.Since[id] = at
		}
	}
	return s
}

// approvedSince is the time from which on an approval is one of what is shown of a target, zero for always.
func (s *Shown) approvedSince(id ID) time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.Since[id]
}

// ofMerged says that it is what the base branch is at that is shown: the pull request is merged.
func (s *Shown) ofMerged() bool { return s.Head == s.Base }

// changes says whether a change of a target is shown, as far as is known.
func (s *Shown) changes(id ID) bool {
	objects, known := s.Objects[id]
	return s.Digests[id] != "" && (!known || len(objects) > 0)
}

// maxMarker is how many bytes a marker may take of a comment: what follows is for people.
const maxMarker = 16_000

// brief is what is shown without words that would make the marker too long, those about the targets with most objects first: only
// texts depend on them. Why deletions need --prune is cut.
func (s Shown) brief() Shown {
	const most = 200
	s.Objects, s.Guarded = maps.Clone(s.Objects), maps.Clone(s.Guarded)
	for id, why := range s.Guarded {
		if runes := []rune(why); len(runes) > most {
			s.Guarded[id] = string(runes[:most]) + "…"
		}
	}
	for len(s.marker()) > maxMarker && len(s.Objects) > 0 {
		longest := slices.MaxFunc(slices.Sorted(maps.Keys(s.Objects)), func(a, b ID) int { return cmp.Compare(len(s.Objects[a]), len(s.Objects[b])) })
		delete(s.Objects, longest)
	}
	if len(s.marker()) > maxMarker {
		s.Rendered = nil
	}
	return s
}

// signed is what is shown on a pull request with its MAC.
func (s Shown) signed(key []byte, pr forge.PullRequest) Shown {
	s.MAC = ""
	if len(key) == 0 {
		return s
	}
	data, _ := json.Marshal(s) // strings and maps of strings always encode
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "weighlock preview of %s\n%s", pr, data)
	s.MAC = hex.EncodeToString(mac.Sum(nil))
	return s
}

// authentic says whether it was us who showed it on that pull request, as far as can be told.
func (s Shown) authentic(keys [][]byte, pr forge.PullRequest) bool {
	return len(keys) == 0 || slices.ContainsFunc(keys, func(key []byte) bool { return hmac.Equal([]byte(s.MAC), []byte(s.signed(key, pr).MAC)) })
}

// signingKeys are those that may have signed what previews show; none where it is not signed.
func (b *Bot) signingKeys() [][]byte {
	if len(b.SigningKeys) == 0 && len(b.DigestKey) > 0 {
		return [][]byte{b.DigestKey}
	}
	return b.SigningKeys
}

// signingKey signs what previews show; nil for none.
func (b *Bot) signingKey() []byte {
	if keys := b.signingKeys(); len(keys) > 0 {
		return keys[0]
	}
	return nil
}

// maxHashes is of how many objects of a target a marker holds hashes.
const maxHashes = 150

// shortHash is how many characters of a hash tell well enough whether something is another one, where nothing but words
// depends on it.
const shortHash = 8

// hashes are short hashes of what is shown of a change set's objects; nil for very many.
func hashes(set *diff.ChangeSet) map[string]string {
	out := map[string]string{}
	for c := range set.All() {
		if c.Op == diff.Unchanged || c.Op == diff.Await {
			continue
		}
		var fields []string
		for _, f := range c.Fields {
			if !f.Revealed { // a deploy does not know which rules are new
				fields = append(fields, fmt.Sprint(f.Op, f.Path, f.Old, f.New, f.Secret))
			}
		}
		merged := any(nil)
		if c.Op == diff.Create {
			merged = c.Merged
		}
		data, err := json.Marshal([]any{c.Op, fields, merged})
		if err != nil {
			return nil // a value that JSON has not; the digest has it
		}
		sum := sha256.Sum256(data)
		out[c.Ref.String()] = hex.EncodeToString(sum[:])[:shortHash]
	}
	if len(out) > maxHashes {
		return nil
	}
	return out
}

// Markers are HTML comments, which forges keep and do not show. They stand at the very start of a comment: text that
// quotes a marker has none.
const (
	previewMarker = "<!-- weighlock:preview "
	answerMarker  = "<!-- weighlock:answer "
	pageMarker    = "<!-- weighlock:page "
	markerEnd     = " -->"
)

// marker is the hidden line that makes a comment ours. JSON escapes < and >, so that nothing inside can end it.
func (s Shown) marker() string {
	data, _ := json.Marshal(s) // strings and maps of strings always encode
	return previewMarker + string(data) + markerEnd
}

// readMarker finds the marker of a preview comment's body.
func readMarker(body string) (Shown, bool) {
	rest, ok := strings.CutPrefix(body, previewMarker)
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

// An answerID says what an answer is for, the same if its cause comes again: a job that is run once more, or a write
// whose answer got lost.
type answerID string

func (id answerID) marker() string { return answerMarker + string(id) + markerEnd + "\n" }

// pageHead is the marker of a page of the preview, from the second one on.
func pageHead(n int) string { return fmt.Sprintf("%s%d%s\n", pageMarker, n, markerEnd) }
