package yamldoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

type remote struct {
	URL string `json:"url"`
}

func (r *remote) UnmarshalShorthand(text string) error {
	if text == "" {
		return errors.New("is empty")
	}
	r.URL = text
	return nil
}

func (r *remote) Check(fail func(key, format string, args ...any)) {
	if !strings.Contains(r.URL, ":") {
		fail("url", "%q is no address", r.URL)
	}
}

func TestAStructWithAShorthandIsWrittenAsTextOrAsAMap(t *testing.T) {
	t.Parallel()
	cases := []struct{ doc, url, err string }{
		{"at: a:b", "a:b", ""},
		{"at: {url: a:b}", "a:b", ""},
		{"x: 1\nat: ab", "", `f:2: at: "ab" is no address`},
		{"at:\n  url: ab", "", `f:2: at.url: "ab" is no address`},
		{"at: ''", "", "f:1: at: is empty"},
		{"at: 1", "", "f:1: at: found the number 1, expected a map"},
		{"at: [a]", "", "expected a map"},
	}
	for _, c := range cases {
		var got struct {
			X  int     `json:"x"`
			At *remote `json:"at"`
		}
		err := yamldoc.Decode("f", []byte(c.doc), &got)
		switch {
		case c.err == "" && (err != nil || got.At.URL != c.url):
			t.Errorf("%q is %+v, %v, want %s", c.doc, got.At, err, c.url)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%q gives %v, want %s", c.doc, err, c.err)
		}
	}
}
