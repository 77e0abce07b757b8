package projectenv

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/jinja/pyyaml"
)

type goFunc = func(t *py.Thread, a []py.Value) (py.Value, error)

func filters() map[string]*py.Func {
	m := map[string]*py.Func{}
	add := func(name, signature string, fn goFunc) { m[name] = py.NewFunc(name, signature, fn) }
	add("b64encode", "string", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		s, err := wantStr(a[0], "encode")
		return base64.StdEncoding.EncodeToString([]byte(s)), err
	})
	add("b64decode", "string", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		s, err := wantStr(a[0], "encode")
		if err != nil {
			return nil, err
		}
		return b64decode(s)
	})
	add("from_yaml", "s", func(t *py.Thread, a []py.Value) (py.Value, error) {
		if b, ok := a[0].(py.Bytes); ok {
			return pyyaml.Load(t, string(b))
		}
		s, err := wantStr(a[0], "read")
		if err != nil {
			return nil, err
		}
		return pyyaml.Load(t, s)
	})
	add("to_yaml", "obj", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := pyyaml.Dump(t, a[0], pyyaml.Options{Style: scalarStyle})
		return s, err
	})
	add("to_json", "obj", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.JSON(t, a[0], py.JSONOptions{})
		return s, err
	})
	add("sha256", "s, digest_len=None", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, ok := a[0].(py.Bytes)
		if !ok {
			text, err := wantStr(a[0], "encode")
			if err != nil {
				return nil, err
			}
			s = py.Bytes(text)
		}
		return digest(t, string(s), a[1])
	})
	add("slugify", "text, entities=True, decimal=True, hexadecimal=True, max_length=0, word_boundary=False, separator='-', save_order=False, stopwords=None, regex_pattern=None, lowercase=True, replacements=None, allow_unicode=False", slugify)
	m["render"] = renderFunc()
	return m
}

// wantStr returns the text of a str, or the error that Python's missing
// method gives.
func wantStr(v py.Value, method string) (string, error) {
	if s, ok := py.IsString(v); ok {
		return s, nil
	}
	if u, ok := v.(*py.Undefined); ok {
		return "", u.Err()
	}
	return "", py.Errorf("AttributeError", "'%s' object has no attribute '%s'", py.TypeName(v), method)
}

// b64decode decodes as Python does: what is not of the alphabet is skipped,
// and nothing may follow the padding.
func b64decode(s string) (py.Value, error) {
	var clean strings.Builder
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			clean.WriteByte(c)
		} else if c == '=' && clean.Len()%4 >= 2 {
			if clean.Len()%4 == 2 && strings.Count(s[i:], "=") < 2 {
				break
			}
			out, err := base64.RawStdEncoding.DecodeString(clean.String())
			if err != nil {
				return nil, py.Errorf("Error", "%s", err)
			}
			return py.DecodeBytes(py.Bytes(out), "utf-8", "strict")
		}
	}
	if clean.Len()%4 != 0 {
		return nil, py.Errorf("Error", "Incorrect padding")
	}
	out, err := base64.RawStdEncoding.DecodeString(clean.String())
	if err != nil {
		return nil, py.Errorf("Error", "%s", err)
	}
	return py.DecodeBytes(py.Bytes(out), "utf-8", "strict")
}

// scalarStyle asks for | for text of several lines and quotes for numbers.
func scalarStyle(s string) byte {
	switch {
	case len(py.SplitLines(s, false)) > 1:
		return '|'
	case py.IsNumeric(s):
		return '\''
	}
	return 0
}

// digest is the SHA-256 of s in hex, cut as s[:length].
func digest(t *py.Thread, s string, length py.Value) (py.Value, error) {
	sum := sha256.Sum256([]byte(s))
	text := hex.EncodeToString(sum[:])
	if length == nil {
		return text, nil
	}
	return py.SliceOf(t, text, nil, length, nil)
}

// renderFunc is the render filter and function.
func renderFunc() *py.Func {
	return py.NewFunc("render", "string", func(t *py.Thread, a []py.Value) (py.Value, error) {
		s, err := py.Str(t, a[0])
		if err != nil {
			return nil, err
		}
		if err := t.Enter(); err != nil {
			return nil, err
		}
		defer t.Leave()
		return jinja.CallOf(t).Render(jinja.Source{Text: s}, nil)
	})
}
