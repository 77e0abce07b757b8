package checkout

import (
	"slices"
	"strings"
	"testing"
)

func TestTreesAreReadAsGitStoresThem(t *testing.T) {
	id := strings.Repeat("\xab", 20)
	hex := strings.Repeat("ab", 20)
	cases := []struct {
		name, raw string
		want      []entry
		wrong     string
	}{
		{"empty", "", nil, ""},
		{"kinds", "40000 d\x00" + id + "100644 f\x00" + id + "100755 x\x00" + id + "120000 l\x00" + id + "160000 s\x00" + id,
			[]entry{{modeTree, hex, "d"}, {modeFile, hex, "f"}, {modeExecutable, hex, "x"}, {modeLink, hex, "l"}, {modeSubmodule, hex, "s"}}, ""},
		{"permissions of early git", "100664 f\x00" + id + "100775 x\x00" + id, []entry{{modeFile, hex, "f"}, {modeExecutable, hex, "x"}}, ""},
		{"a name with spaces, a tab and a line break", "100644 a b\tc\nd\x00" + id, []entry{{modeFile, hex, "a b\tc\nd"}}, ""},
		{"cut in an id", "100644 f\x00" + id[:19], nil, "damaged"},
		{"cut in a name", "100644 f", nil, "damaged"},
		{"no name", "100644\x00" + id, nil, "damaged"},
		{"no mode", " f\x00" + id, nil, "unknown mode"},
		{"a mode that is none", "1006x4 f\x00" + id, nil, "unknown mode"},
		{"a device", "60000 f\x00" + id, nil, "unknown mode"},
		{"a mode of many digits", "40000000100644 f\x00" + id, nil, "unknown mode"},
	}
	for _, c := range cases {
		got, err := parseTree([]byte(c.raw), 20)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, %v; want an error with %q", c.name, got, err, c.wrong)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}
