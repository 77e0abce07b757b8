package bot

import (
	"fmt"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func TestAResultTakesThePlaceOfWhatWasSaidOfTheSameTargets(t *testing.T) {
	t.Parallel()
	self, grace := forge.User{ID: 1, Login: "bot", Bot: true}, forge.User{ID: 2, Login: "grace"}
	said := func(by forge.User, id int64, body string) forge.Comment {
		return forge.Comment{Author: by, ID: id, Body: body}
	}
	answer := func(id int64, to string) forge.Comment { return said(self, id, answerID(to).marker()+"text") }
	preview := said(self, 1, Shown{}.marker()+"\n")
	for name, c := range map[string]struct {
		before []forge.Comment
		about  []string
		want   int64
	}{
		"the result of an earlier command":   {[]forge.Comment{said(grace, 2, "/deploy staging"), answer(3, "comment-2-1")}, []string{"staging"}, 3},
		"the second of two commands":         {[]forge.Comment{said(grace, 2, "/diff\n/deploy staging"), answer(3, "comment-2-1"), answer(4, "comment-2-2")}, []string{"staging"}, 4},
		"what a merge was held for":          {[]forge.Comment{answer(3, "push-1a2b-staging")}, []string{"staging"}, 3},
		"the last of several":                {[]forge.Comment{answer(3, "push-1a2b-staging"), answer(4, "push-1a2c-staging")}, []string{"staging"}, 4},
		"one about fewer targets":            {[]forge.Comment{answer(3, "push-1a2b-staging")}, []string{"staging", "prod"}, 3},
		"not one about more":                 {[]forge.Comment{said(grace, 2, "/deploy staging prod"), answer(3, "comment-2-1")}, []string{"staging"}, 0},
		"not one about another":              {[]forge.Comment{answer(3, "push-1a2b-prod")}, []string{"staging"}, 0},
		"not an answer about something else": {[]forge.Comment{said(grace, 2, "/lock staging"), answer(3, "comment-2-1")}, []string{"staging"}, 0},
		"not one whose command is gone":      {[]forge.Comment{answer(3, "comment-2-1")}, []string{"staging"}, 0},
		"not what somebody else wrote":       {[]forge.Comment{said(grace, 3, answerID("push-1a2b-staging").marker())}, []string{"staging"}, 0},
		"not the preview":                    {nil, []string{"staging"}, 0},
		"not itself":                         {[]forge.Comment{answer(9, "comment-8-1")}, []string{"staging"}, 0},
	} {
		all := append([]forge.Comment{preview}, c.before...)
		got := superseded(all, self, answerTo(forge.Comment{ID: 8}).command(0), c.about)
		if (got == nil) != (c.want == 0) || got != nil && got.ID != c.want {
			t.Errorf("%s: got %s, want %d", name, fmt.Sprintf("%+v", got), c.want)
		}
	}
}
