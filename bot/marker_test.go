package bot

import (
	"testing"

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
		if got := c.shown.authentic(c.key, c.on); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
