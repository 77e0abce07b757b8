package mask_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/engine/internal/mask"
)

func set(values ...string) *mask.Set {
	s := &mask.Set{}
	for _, v := range values {
		s.Add(v)
	}
	return s
}

// forms are the ways in which programs write a value.
var forms = map[string]func(v string) string{
	"as it is":            func(v string) string { return v },
	"JSON":                marshalJSON,
	"JSON in JSON":        func(v string) string { return marshalJSON(marshalJSON(v)) },
	"Go":                  strconv.Quote,
	"Go, ASCII":           strconv.QuoteToASCII,
	"Go, %q in JSON":      func(v string) string { return marshalJSON(strconv.Quote(v)) },
	"YAML":                func(v string) string { return marshalYAML(v, 0) },
	"YAML, single quotes": func(v string) string { return marshalYAML(v, yaml.SingleQuotedStyle) },
	"YAML, double quotes": func(v string) string { return marshalYAML(v, yaml.DoubleQuotedStyle) },
	"Python's YAML":       func(v string) string { return `"` + pythonYAML(v) + `"` },
	"YAML block":          func(v string) string { return marshalYAML(v, yaml.LiteralStyle) },
	"YAML folded":         func(v string) string { return marshalYAML(v, yaml.FoldedStyle) },
	"shell":               func(v string) string { return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'" },
	"query":               url.QueryEscape,
	"path":                url.PathEscape,
	"URL": func(v string) string {
		return (&url.URL{Scheme: "https", User: url.UserPassword("u", v), Host: "h"}).String()
	},
	"HTML":                html.EscapeString,
	"base64":              func(v string) string { return base64.StdEncoding.EncodeToString([]byte(v)) },
	"base64, URL":         func(v string) string { return base64.URLEncoding.EncodeToString([]byte(v)) },
	"base64, raw":         func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) },
	"base64 in text, 0":   func(v string) string { return base64.StdEncoding.EncodeToString([]byte("abc" + v + "xy")) },
	"base64 in text, 1":   func(v string) string { return base64.StdEncoding.EncodeToString([]byte("d" + v + "z")) },
	"base64 in text, 2":   func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte("ef" + v)) },
	"indented":            func(v string) string { return "a:\n" + strings.ReplaceAll("\n"+v, "\n", "\n          ") },
	"line diff":           func(v string) string { return "@@ -1 +1 @@" + strings.ReplaceAll("\n"+v, "\n", "\n+  ") + "\n-x" },
	"line ends of DOS":    func(v string) string { return strings.ReplaceAll(v, "\n", "\r\n") },
	"Secret in JSON":      func(v string) string { return marshalJSON(base64.StdEncoding.EncodeToString([]byte(v + "\n"))) },
	"doubled in one text": func(v string) string { return v + v },
}

func marshalJSON(v string) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// pythonYAML is v between double quotes as PyYAML writes it, broken at 80 columns where it has spaces.
func pythonYAML(v string) string {
	out := inner(strconv.QuoteToASCII(v))
	out = regexp.MustCompile(`\\(x..|u....|U.{8})`).ReplaceAllStringFunc(out, func(e string) string {
		n, _ := strconv.ParseUint(e[2:], 16, 32)
		if n < 0x100 {
			return fmt.Sprintf(`\x%02X`, n)
		}
		return e[:2] + strings.ToUpper(e[2:])
	})
	for i := 80; i < len(out); i += 80 {
		if at := strings.LastIndexByte(out[:i], ' '); at > 0 {
			out = out[:at] + "\\\n    \\ " + out[at+1:]
		}
	}
	return out
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

func marshalYAML(v string, style yaml.Style) string {
	data, err := yaml.Marshal(map[string]any{"key": map[string]any{"inner": &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v, Style: style}}})
	if err != nil {
		panic(err)
	}
	return string(data)
}

var values = map[string]string{
	"plain":             "hunter2",
	"six bytes":         "s3cr3t",
	"quotes":            `it's "quoted" \ back`,
	"markup":            "<a>&b;100%+1/2?",
	"unicode":           "pässwörd-🔑-秘密",
	"control":           "tab\there\x01bell\a",
	"several lines":     "first line 1\nsecond line 2\nthird",
	"short lines":       "ab\ncd\nef\ngh",
	"PEM":               "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA0123\nabcdEFGH/+90=\n-----END KEY-----",
	"dashes":            "- one\n- two\n- three",
	"contains the mask": "x(hidden)y",
	"is the mask":       "hidden",
	"a long sentence":   strings.Repeat("correct horse battery staple ", 8),
	"digits":            "123456",
	"shell":             "$(rm -rf) `x` !y",
}

func TestASecretIsHiddenInEveryForm(t *testing.T) {
	t.Parallel()
	for name, v := range values {
		s := set(v)
		for form, write := range forms {
			text := "before " + write(v) + " after"
			got := s.Text(text)
			if got == text || !strings.Contains(got, mask.Hidden) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%s, %s: %q became %q", name, form, text, got)
				continue
			}
			for _, rest := range windows(strings.TrimSpace(v)) {
				if strings.Contains(strings.ReplaceAll(got, mask.Hidden, ""), rest) && !strings.Contains(mask.Hidden, rest) {
					t.Errorf("%s, %s: %q is left in %q", name, form, rest, got)
				}
			}
			if again := s.Text(got); again != got {
				t.Errorf("%s, %s: masked twice, %q became %q", name, form, got, again)
			}
		}
	}
}

// windows are the parts of a value that would tell something of it.
func windows(v string) []string {
	var out []string
	for line := range strings.Lines(v) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-----") {
			continue
		}
		for i := 0; i+4 <= len(line); i++ {
			out = append(out, line[i:i+4])
		}
	}
	return out
}

func TestNoBase64DigitThatHoldsBitsOfASecretIsLeft(t *testing.T) {
	t.Parallel()
	s := set("hunter2")
	for offset := range 3 {
		around := strings.Repeat("\xff", offset)
		text := base64.StdEncoding.EncodeToString([]byte(around + "hunter2" + "\xff\xff"))
		other := base64.StdEncoding.EncodeToString([]byte(around + "sunset9" + "\xff\xff"))
		got := s.Text(text)
		before, after, _ := strings.Cut(got, mask.Hidden)
		if !strings.HasPrefix(other, before) || !strings.HasSuffix(other, after) {
			t.Errorf("offset %d: %s tells %s from %s", offset, got, text, other)
		}
	}
}

func TestOverlapsAndPrefixesLeaveNoRest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		values []string
		text   string
		want   string
	}{
		{"a prefix", []string{"secret", "secret-and-more"}, "a secret-and-more b secret c", "a (hidden) b (hidden) c"},
		{"a suffix", []string{"and-more", "secret-and-more"}, "a secret-and-more b", "a (hidden) b"},
		{"overlapping", []string{"abcdefgh", "efghijkl"}, "x abcdefghijkl y", "x (hidden) y"},
		{"overlapping itself", []string{"abaaba"}, "x abaabaaba y", "x (hidden) y"},
		{"side by side", []string{"abcdef", "ghijkl"}, "x abcdefghijkl y", "x (hidden) y"},
		{"in the mask text", []string{"hidden"}, "x (hidden) y hidden z", "x (hidden) y (hidden) z"},
		{"the mask text", []string{"(hidden)"}, "x (hidden) y", "x (hidden) y"},
		{"within", []string{"outer-inner-outer", "inner!"}, "outer-inner-outer inner!", "(hidden) (hidden)"},
		{"white space around", []string{" padded-secret\n"}, "x padded-secret y", "x (hidden) y"},
		{"at both ends", []string{"secret"}, "secret secret", "(hidden) (hidden)"},
		{"too short a text", []string{"secret"}, "secre", "secre"},
		{"go-yaml's shortened quotes", []string{"hunter2hunter2"}, "cannot unmarshal !!str `hunter2...` into int", "cannot unmarshal !!str `(hidden)` into int"},
	} {
		if got := set(c.values...).Text(c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLinesOfASecretAreHiddenAloneUnlessTheySayNothing(t *testing.T) {
	t.Parallel()
	s := set("-----BEGIN RSA PRIVATE KEY-----\nbodybodybody=\n-----END RSA PRIVATE KEY-----\n", "server:\n  password: hunter2\n  enabled: true\n  list: [\n  ]\nab\n")
	for text, want := range map[string]string{
		"+bodybodybody=":                  "+(hidden)",
		"   password: hunter2":            "   (hidden)",
		"server:":                         "server:",
		"  enabled: true":                 "  enabled: true",
		"-----BEGIN RSA PRIVATE KEY-----": "-----BEGIN RSA PRIVATE KEY-----",
		"]":                               "]",
		"ab":                              "ab",
		"it says password: hunter2, then": "it says (hidden), then",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestShortValuesAreHiddenBetweenQuotesAndAsWordsOnlyOnRequest(t *testing.T) {
	t.Parallel()
	s := set("abc", `d"e`, "1234", "x-y")
	for _, c := range []struct{ text, text2, words string }{
		{`value "abc" is bad`, `value "(hidden)" is bad`, `value "(hidden)" is bad`},
		{`{\"k\":\"abc\"}`, `{\"k\":\"(hidden)\"}`, `{\"k\":\"(hidden)\"}`},
		{`'abc'`, `'(hidden)'`, `'(hidden)'`},
		{"`abc`", "`(hidden)`", "`(hidden)`"},
		{`"d\"e"`, `"(hidden)"`, `"(hidden)"`},
		{`value abc is bad`, `value abc is bad`, `value (hidden) is bad`},
		{`alphabc abcd _abc`, `alphabc abcd _abc`, `alphabc abcd _abc`},
		{`Invalid value: 1234: must be`, `Invalid value: 1234: must be`, `Invalid value: (hidden): must be`},
		{`12345 port-1234`, `12345 port-1234`, `12345 port-(hidden)`},
		{`"1234"`, `"(hidden)"`, `"(hidden)"`},
		{`z x-y`, `z x-y`, `z (hidden)`},
		{`"`, `"`, `"`}, {`"abc`, `"abc`, `"(hidden)`},
	} {
		if got := s.Text(c.text); got != c.text2 {
			t.Errorf("%q became %q, want %q", c.text, got, c.text2)
		}
		if got := s.Words(c.text); got != c.words {
			t.Errorf("as words, %q became %q, want %q", c.text, got, c.words)
		}
	}
	for v, short := range map[string]bool{"abc": true, " 1 ": true, "": false, "true": false, "abcdef": false} {
		if mask.IsShort(v) != short {
			t.Errorf("%q is short: %v", v, !short)
		}
	}
}

func TestTrivialValuesAreNoSecrets(t *testing.T) {
	t.Parallel()
	s := set("", " ", "true", "False", "null", "~")
	s.AddAll(map[string]any{"a": true, "b": nil, "c": "", "d": []any{false}})
	if s.Len() != 0 {
		t.Errorf("%d values", s.Len())
	}
	for _, text := range []string{"", `"true"`, "null", "false", `""`} {
		if got := s.Words(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestAllScalarsOfAValueAreSecretsAndKeysAreNot(t *testing.T) {
	t.Parallel()
	s := &mask.Set{}
	s.AddAll(map[string]any{"database": map[string]any{"password": "hunter2", "pool": []any{int64(1234567), 1.25e10}}})
	if got, want := s.Text("database password hunter2 1234567 12500000000"), "database password (hidden) (hidden) (hidden)"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestNothingThatPrintsASetShowsAValue(t *testing.T) {
	t.Parallel()
	s := set("hunter2", "abc")
	data, err := json.Marshal(struct{ S *mask.Set }{s})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %+v %#v %s %d %x", s, s, s, s, s, s) + string(data) + fmt.Sprint(struct{ S any }{s})
	if strings.Contains(got, "hunter2") || strings.Contains(got, "abc") || !strings.Contains(got, "2 secret values") {
		t.Errorf("got %s", got)
	}
}

func TestAnErrorThatHoldsASecretIsKnownButOutOfReach(t *testing.T) {
	t.Parallel()
	s := set("hunter2")
	err := s.Error(fmt.Errorf("reading: %w", &fs.PathError{Op: "open", Path: "hunter2", Err: fs.ErrNotExist}))
	var path *fs.PathError
	if err.Error() != "reading: open (hidden): file does not exist" || !errors.Is(err, fs.ErrNotExist) || errors.As(err, &path) || errors.Unwrap(err) != nil {
		t.Errorf("got %v, %v", err, path)
	}
	if got := fmt.Sprintf("%v %+v %#v %q", err, err, err, err); strings.Contains(got, "hunter2") {
		t.Errorf("printed as %s", got)
	}
	plain := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	if got := new(fs.PathError); !errors.As(s.Error(plain), &got) || got != plain || s.Error(nil) != nil {
		t.Error("an error without a secret is another one")
	}
}

func TestTheEmptySetHidesNothing(t *testing.T) {
	t.Parallel()
	var none *mask.Set
	for _, s := range []*mask.Set{none, {}} {
		if s.Text("text") != "text" || s.Words(`"a"`) != `"a"` || s.Len() != 0 {
			t.Error("it does")
		}
	}
	(&mask.Set{}).Merge(none)
}

func TestASetIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s, other := &mask.Set{}, set("merged-value")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				v := fmt.Sprintf("secret-%d-%d", i, j)
				s.Add(v)
				s.Merge(other)
				if got := s.Text("a " + v + " b"); strings.Contains(got, v) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
	if s.Len() != 401 {
		t.Errorf("%d values", s.Len())
	}
}

func BenchmarkText(b *testing.B) {
	s := &mask.Set{}
	for i := range 500 {
		s.Add(fmt.Sprintf("s3cr3t-%d/with some+chars'%d", i*7919, i))
		if i%50 == 0 {
			s.Add("-----BEGIN KEY-----\n" + strings.Repeat(base64.StdEncoding.EncodeToString([]byte(fmt.Sprint("line of a key ", i)))+"\n", 30))
		}
	}
	s.Add("abc")
	text := strings.Repeat("spec:\n  containers:\n  - name: app\n    image: \"registry.example.com/app:1.2.3\"\n    args: [--flag=value, s3cr3t-ly]\n", 10_000)
	for _, c := range []struct{ name, text string }{
		{"clean", text}, {"secrets", strings.ReplaceAll(text, "1.2.3", "s3cr3t-7919/with some+chars'1")},
		{"hostile", strings.Repeat("a", 1<<20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			if c.name == "hostile" {
				for i := range 300 {
					s.Add(strings.Repeat("a", 1000) + fmt.Sprint("z", i))
				}
			}
			for b.Loop() {
				s.Text(c.text)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	for b.Loop() {
		s := &mask.Set{}
		for i := range 500 {
			s.Add(fmt.Sprintf("s3cr3t-%d/with some+chars'%d", i*7919, i))
		}
	}
}
