package bot

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// A lagging forge tells of a comment by a webhook before its lists have it.
type lagging struct {
	forge.Forge
	comments []forge.Comment
	from     time.Time
}

func (l lagging) Comments(context.Context, forge.Repo, int) ([]forge.Comment, error) {
	if time.Now().Before(l.from) {
		return nil, nil
	}
	return l.comments, nil
}

// A comment that the forge's lists do not have yet is not taken for one that was deleted: nobody would hear of its command again.
func TestACommentThatIsNotListedYetIsNotDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		age, lag time.Duration
		there    bool
		want     string
		wait     time.Duration
	}{
		{"it is there", 0, 0, true, "", 0},
		{"it comes a moment later", time.Second, 2 * time.Second, true, "", 3 * time.Second},
		{"it was deleted right away", 0, 0, false, "deleted", 7 * time.Second},
		{"it was deleted", time.Minute, 0, false, "deleted", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			comment := forge.Comment{ID: 7, Body: "/deploy staging", Created: began.Add(-c.age)}
			l := lagging{from: began.Add(c.lag)}
			if c.there {
				l.comments = []forge.Comment{comment}
			}
			b := &Bot{Forge: l, Now: time.Now}
			if gone, _, err := b.withdrawn(t.Context(), comment); gone != c.want || err != nil || time.Since(began) != c.wait {
				t.Errorf("%s: %q, %v, after %s; want %q after %s", c.name, gone, err, time.Since(began), c.want, c.wait)
			}
		})
	}
}
