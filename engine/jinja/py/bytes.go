package py

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func encode(s string, encoding, errs Value) (Value, error) {
	enc, err := wantStr(encoding, "encode() argument 'encoding'")
	if err != nil {
		return nil, err
	}
	mode, err := wantStr(errs, "encode() argument 'errors'")
	if err != nil {
		return nil, err
	}
	var max rune
	switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(enc)) {
	case "utf8":
		return Bytes(s), nil
	case "ascii", "usascii":
		enc, max = "ascii", 0x7f
	case "latin1", "iso88591":
		enc, max = "latin-1", 0xff
	default:
		return nil, Errorf("LookupError", "unknown encoding: %s", enc)
	}
	var b []byte
	i := 0
	for _, r := range s {
		switch {
		case r <= max:
			b = append(b, byte(r))
		case mode == "ignore":
		case mode == "replace":
			b = append(b, '?')
		case mode == "backslashreplace":
			q := ReprString(string(r))
			if unescaped := q[1 : len(q)-1]; strings.HasPrefix(unescaped, `\`) {
				b = append(b, unescaped...)
			} else if r < 0x100 {
				b = fmt.Appendf(b, `\x%02x`, r)
			} else if r < 0x10000 {
				b = fmt.Appendf(b, `\u%04x`, r)
			} else {
				b = fmt.Appendf(b, `\U%08x`, r)
			}
		case mode == "xmlcharrefreplace":
			b = fmt.Appendf(b, "&#%d;", r)
		case mode != "strict":
			return nil, unknownHandler(mode)
		default:
			return nil, Errorf("UnicodeEncodeError", "'%s' codec can't encode character %s in position %d: ordinal not in range(%d)",
				enc, ReprString(string(r)), i, max+1)
		}
		i++
	}
	return Bytes(b), nil
}

func bytesMethods() map[string]*Func {
	m := table{}
	m.add("decode", "self, /, encoding='utf-8', errors='strict'", func(t *Thread, a []Value) (Value, error) {
		enc, err := wantStr(a[1], "decode() argument 'encoding'")
		if err != nil {
			return nil, err
		}
		mode, err := wantStr(a[2], "decode() argument 'errors'")
		if err != nil {
			return nil, err
		}
		return DecodeBytes(a[0].(Bytes), enc, mode)
	})
	m.add("hex", "self, /", func(t *Thread, a []Value) (Value, error) {
		return fmt.Sprintf("%x", string(a[0].(Bytes))), nil
	})
	m.add("upper", "self, /", func(t *Thread, a []Value) (Value, error) {
		return Bytes(strings.ToUpper(string(a[0].(Bytes)))), nil
	})
	m.add("lower", "self, /", func(t *Thread, a []Value) (Value, error) {
		return Bytes(strings.ToLower(string(a[0].(Bytes)))), nil
	})
	return m
}

// DecodeBytes is bytes.decode for UTF-8, ASCII and Latin-1.
func DecodeBytes(b Bytes, encoding, mode string) (Value, error) {
	s := string(b)
	bad := badUTF8
	switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(encoding)) {
	case "utf8", "utf8sig":
		encoding = "utf-8"
	case "ascii", "usascii":
		encoding, bad = "ascii", badASCII
	case "latin1", "iso88591":
		var out strings.Builder
		for i := range len(s) {
			out.WriteRune(rune(s[i]))
		}
		return out.String(), nil
	default:
		return nil, Errorf("LookupError", "unknown encoding: %s", encoding)
	}
	var out strings.Builder
	for start := 0; ; {
		i, n := bad(s[start:])
		out.WriteString(s[start : start+i])
		if n == 0 {
			return out.String(), nil
		}
		i += start
		switch mode {
		case "strict":
			return nil, Errorf("UnicodeDecodeError", "'%s' codec can't decode byte 0x%02x in position %d", encoding, s[i], i)
		case "ignore":
		case "replace":
			out.WriteRune(utf8.RuneError)
		case "backslashreplace":
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&out, `\x%02x`, c)
			}
		default:
			return nil, unknownHandler(mode)
		}
		start = i + n
	}
}

func unknownHandler(mode string) error {
	return Errorf("LookupError", "unknown error handler name '%s'", mode)
}

// badASCII finds the first byte of s that is none of ASCII; n is 0 when there
// is none.
func badASCII(s string) (i, n int) {
	i = strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
	if i < 0 {
		return len(s), 0
	}
	return i, 1
}

// badUTF8 finds what of s is no UTF-8, and how much of it Python takes as one
// mistake: the longest start of a sequence that could have become a character.
func badUTF8(s string) (i, n int) {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		for n = 1; i+n < len(s) && !utf8.FullRuneInString(s[i:i+n+1]); n++ {
		}
		return i, n
	}
	return len(s), 0
}
