package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

func TestAPreviewCountsWhereWeShowedIt(t *testing.T) {
	t.Parallel()
	pr := forge.PullRequest{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Number: 7}
	other := forge.PullRequest{Repo: pr.Repo, Number: 8}
	key := []byte("key")
	shown := Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{"prod": "d"}, Guarded: map[ID]string{"prod": "it deletes -->"}}
	read := func(s Shown) Shown {
		got, ok := readMarker(s.marker() + "\ntext")
		if !ok {
			t.Fatalf("%s is no marker", s.marker())
		}
		return got
	}
	ours := read(shown.signed(key, pr))
	forged := ours
	forged.Digests = map[ID]string{"prod": "e"}
	for name, c := range map[string]struct {
		shown Shown
		key   []byte
		on    forge.PullRequest
		want  bool
	}{
		"ours":                    {ours, key, pr, true},
		"ours, signed again":      {ours.signed(key, pr), key, pr, true},
		"with another digest":     {forged, key, pr, false},
		"of another pull request": {ours, key, other, false},
		"with another key":        {ours, []byte("other"), pr, false},
		"without a MAC":           {read(shown.signed(nil, pr)), key, pr, false},
		"where there is no key":   {forged, nil, pr, true},
		"without either":          {read(shown.signed(nil, pr)), nil, pr, true},
	} {
		b := Bot{DigestKey: c.key}
		if got := c.shown.authentic(b.signingKeys(), c.on); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

// A key that takes another one's place leaves what was shown before as it is.
func TestAPreviewIsBelievedByEachKey(t *testing.T) {
	t.Parallel()
	pr := forge.PullRequest{Repo: forge.Repo{Owner: "acme", Name: "shop"}, Number: 7}
	was, is := Bot{SigningKeys: [][]byte{[]byte("old")}}, Bot{SigningKeys: [][]byte{[]byte("new"), []byte("old")}, DigestKey: []byte("other")}
	shown := Shown{Head: "a"}
	if before := shown.signed(was.signingKey(), pr); !before.authentic(is.signingKeys(), pr) {
		t.Error("what was shown before counts for nothing")
	}
	if now := shown.signed(is.signingKey(), pr); now.authentic(was.signingKeys(), pr) || !now.authentic(is.signingKeys(), pr) {
		t.Error("the first key does not sign")
	}
}

// However much a pull request changes, the marker leaves room for what people read, and binds a deploy to all targets.
func TestAMarkerLeavesRoomForTheComment(t *testing.T) {
	t.Parallel()
	shown := Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{}, Guarded: map[ID]string{}, Objects: map[ID]map[string]string{}, Rendered: map[ID]string{}}
	for n := range 60 {
		id := ID(fmt.Sprintf("target-%d", n))
		shown.Digests[id], shown.Rendered[id], shown.Objects[id] = strings.Repeat("d", 64), "deadbeef", map[string]string{}
		for i := range maxHashes {
			shown.Objects[id][fmt.Sprintf("a-namespace-with-a-name/ConfigMap/%s-%d", id, i)] = "deadbeef"
		}
	}
	shown.Guarded["target-1"] = "it deletes " + strings.Repeat("a very long name ", 4000)
	shown.Objects["target-2"] = map[string]string{"a/ConfigMap/b": "deadbeef"}
	brief := shown.brief()
	if n := len(brief.marker()); n > maxMarker {
		t.Errorf("the marker has %d bytes", n)
	}
	if len(brief.Digests) != 60 || brief.Guarded["target-1"] == "" || brief.Objects["target-2"] == nil {
		t.Errorf("something is left out that need not be: %d digests, guarded %q, objects %v", len(brief.Digests), brief.Guarded, brief.Objects["target-2"])
	}
	if len(shown.Objects) != 60 {
		t.Error("what is shown is changed")
	}
}

func TestAnApprovalIsOfWhatIsShown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	show := func(head, digest string) Shown { return Shown{Head: head, Digests: map[ID]string{"prod": digest}} }
	first := show(headSHA, "a").dated(nil, minute(0))
	same := show(headSHA, "a").dated(&first, minute(1))
	other := show(headSHA, "b").dated(&same, minute(2))
	other2 := show(headSHA, "b").dated(&other, minute(3))
	away := show(baseSHA, "b").dated(&other2, minute(4))
	for name, c := range map[string]struct {
		shown *Shown
		want  time.Time
	}{
		"nothing":                              {nil, time.Time{}},
		"what was first shown":                 {&first, minute(0)},
		"the same once more":                   {&same, minute(0)},
		"something else of the same head":      {&other, minute(2)},
		"that once more":                       {&other2, minute(2)},
		"another head":                         {&away, minute(4)},
		"a head that was there before":         {new(show(headSHA, "b").dated(&away, minute(5))), minute(5)},
		"what was shown where that is deleted": {new(show(headSHA, "a").dated(nil, minute(6))), minute(6)},
	} {
		if got := c.shown.approvedSince("prod"); !got.Equal(c.want) {
			t.Errorf("%s: approvals count from %s, want %s", name, got, c.want)
		}
	}
}
