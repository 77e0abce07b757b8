package memory

import "testing"

func TestMemoryIsSetAsideOnlyWhereItIsNotLimited(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		gogc string
		want bool
	}{
		{nil, "", true},
		{[]string{"diff"}, "", true},
		{[]string{"diff"}, "50", false},
		{[]string{Limited}, "", false},
	} {
		if got := slack(c.args, c.gogc) != nil; got != c.want {
			t.Errorf("%v with GOGC=%q: %v, want %v", c.args, c.gogc, got, c.want)
		}
	}
}
