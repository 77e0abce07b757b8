package mask

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// trivial values are no secrets. v has no white space around it.
func trivial(v string) bool {
	switch strings.ToLower(v) {
	case "", "~", "null", "none", "true", "false", "yes", "no", "on", "off":
		return true
	}
	return false
}

// escapes are the ways in which programs write v, v itself among them.
func escapes(v string) []string {
	if plain.MatchString(v) {
		return []string{v}
	}
	if !utf8.ValidString(v) { // no text: most programs would not write it
		return []string{v, goQuoted(v), goASCII(v), percent(v, "_.-~")}
	}
	once := []string{v}
	for _, f := range []func(string) string{
		jsonHTML, jsonPlain, jsonASCII, goQuoted, goASCII, pythonQuoted, yamlQuoted, yamlASCII, html.EscapeString,
		func(v string) string { return strings.ReplaceAll(v, "'", "''") },        // YAML
		func(v string) string { return strings.ReplaceAll(v, "'", `'\''`) },      // shells
		func(v string) string { return strings.ReplaceAll(v, "'", `'"'"'`) },     // Python's shlex
		func(v string) string { return shellSpecial.ReplaceAllString(v, `\$0`) }, // bash's %q
		url.QueryEscape, url.PathEscape,
		func(v string) string { return strings.TrimPrefix(url.UserPassword("", v).String(), ":") },
		func(v string) string { return percent(v, "_.-~/") },                               // Python's quote
		func(v string) string { return strings.ReplaceAll(percent(v, "_.-~ "), " ", "+") }, // Python's quote_plus
		func(v string) string { return percent(v, "_.-~!'()*") },                           // JavaScript
		func(v string) string { return lowerHex.ReplaceAllStringFunc(url.QueryEscape(v), strings.ToLower) },
		func(v string) string { return lowerHex.ReplaceAllStringFunc(url.PathEscape(v), strings.ToLower) },
	} {
		once = append(once, f(v))
	}
	slices.Sort(once)
	once = slices.Compact(once)
	out := slices.Clone(once)
	for _, f := range once { // a text that is quoted is often quoted once more
		out = append(out, jsonPlain(f), jsonHTML(f))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	plain        = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`) // nobody escapes these
	shellSpecial = regexp.MustCompile(`[^A-Za-z0-9_@%+=:,./\x80-\x{10ffff}-]`)
	lowerHex     = regexp.MustCompile(`%[0-9A-F]{2}`)
)

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// jsonHTML is v in a JSON text as Go writes it.
func jsonHTML(v string) string {
	data, _ := json.Marshal(v) // a string can always be encoded
	return inner(string(data))
}

// jsonPlain is v in a JSON text as most programs write it.
func jsonPlain(v string) string {
	return withoutHTML.Replace(jsonHTML(v))
}

var withoutHTML = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// jsonASCII is v in a JSON text as Python writes it, and as Jinja's tojson does where v has no quotes.
func jsonASCII(v string) string {
	var out strings.Builder
	for _, r := range jsonPlain(v) {
		switch {
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func goQuoted(v string) string { return inner(strconv.Quote(v)) }
func goASCII(v string) string  { return inner(strconv.QuoteToASCII(v)) }

// pythonQuoted is v as repr writes it between single quotes.
func pythonQuoted(v string) string {
	var out strings.Builder
	for _, r := range v {
		switch {
		case r == '\\' || r == '\'':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	return out.String()
}

// yamlQuoted is v between double quotes as go-yaml writes it, yamlASCII as PyYAML does.
func yamlQuoted(v string) string { return yamlEscapes(v, 0xffff) }
func yamlASCII(v string) string  { return yamlEscapes(v, 0x7e) }

// yamlEscapes escapes what is no printable character or above last.
func yamlEscapes(v string, last rune) string {
	var out strings.Builder
	for _, r := range v {
		if e, ok := yamlLetters[r]; ok {
			out.WriteString(`\` + e)
			continue
		}
		switch {
		case r <= last && unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02X`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	return out.String()
}

var yamlLetters = map[rune]string{
	0: "0", '\a': "a", '\b': "b", '\t': "t", '\n': "n", '\v': "v", '\f': "f", '\r': "r", 0x1b: "e", '"': `"`, '\\': `\`,
	0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P",
}

// percent writes all bytes of v but letters, digits and those in safe as %XX.
func percent(v, safe string) string {
	var out strings.Builder
	for i := range len(v) {
		b := v[i]
		if '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || strings.IndexByte(safe, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// truncated is v as go-yaml quotes a long value in its errors.
func truncated(v string) []string {
	if len(v) <= 10 {
		return nil
	}
	return []string{v[:7] + "..."}
}

// encodings are the base64 of v, whole and inside a larger text that is encoded. written is v with the white space around
// it.
func encodings(v, written string) []pattern {
	var out []pattern
	for _, whole := range append(base64Whole(v), base64Whole(written)...) {
		out = append(out, pattern{text: whole})
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			// A digit holds 6 bits; those that v fills alone are the same whatever stands around it.
			first, last := (8*offset+5)/6, 8*(offset+len(v))/6
			p := pattern{text: e.EncodeToString(append(make([]byte, offset), v...))[first:last]}
			if 8*offset%6 != 0 {
				p.before = 1
			}
			if 8*(offset+len(v))%6 != 0 {
				p.after = 1
			}
			out = append(out, p)
		}
	}
	return out
}

func base64Whole(v string) []string {
	var out []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString([]byte(v)))
	}
	return out
}

// structure matches the lines of a multi-line secret that say nothing: PEM's, a key that opens a block or has a trivial
// value, brackets.
var structure = regexp.MustCompile(`^(-----(BEGIN|END) [A-Z0-9 ]+-----` +
	`|[-\s]*["']?[\w.-]+["']?(\s*:\s*([|>][-+]?|[{\[])?|\s*[:=]\s*(true|false|null|~|""|''|\[\]|\{\}),?)` +
	`|[^\pL\pN]*)$`)

// telling are the lines of a secret that are hidden also where they stand without the others.
func telling(v string) []string {
	var out []string
	for line := range strings.Lines(v) {
		line = strings.TrimSpace(line)
		if len(line) >= Long && !structure.MatchString(line) && !trivial(line) {
			out = append(out, line)
		}
	}
	return out
}

// foldedValue is v as it stands in a folded text, at the beginning of a line or not.
func foldedValue(v string) string {
	f, _ := fold("\n" + v)
	return strings.TrimSpace(f)
}

// fold makes each run of white space in t one space, and with it what a line may begin with in a YAML block or a line
// diff, and YAML's escaped line ends. at holds the place in t of each byte.
func fold(t string) (folded string, at []int) {
	out := make([]byte, 0, len(t))
	at = make([]int, 0, len(t))
	for i := 0; i < len(t); {
		if !white(t[i]) && !strings.HasPrefix(t[i:], "\\\n") {
			out, at = append(out, t[i]), append(at, i)
			i++
			continue
		}
		start, newline := i, false
		for i < len(t) && (white(t[i]) || newline && strings.IndexByte("+-|>\\", t[i]) >= 0 || strings.HasPrefix(t[i:], "\\\n")) {
			newline = newline || t[i] == '\n'
			i++
		}
		out, at = append(out, ' '), append(at, start)
	}
	return string(out), at
}

func white(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
