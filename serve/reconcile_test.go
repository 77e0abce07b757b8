package serve

import (
	"slices"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// Where the time does not suffice for all open pull requests, each is looked at in its turn.
func TestEachPullRequestHasItsTurn(t *testing.T) {
	t.Parallel()
	prs := []forge.PullRequest{{Number: 9}, {Number: 3}, {Number: 5}}
	for _, c := range []struct {
		last any
		want []int
	}{{nil, []int{3, 5, 9}}, {3, []int{5, 9, 3}}, {4, []int{5, 9, 3}}, {9, []int{3, 5, 9}}, {100, []int{3, 5, 9}}} {
		var got []int
		for _, pr := range behind(prs, c.last) {
			got = append(got, pr.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("behind %v: %v, want %v", c.last, got, c.want)
		}
	}
}
