package mask

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Other returns another value of v's type and shape, always the same one: what depends on v differs where it stands in v's
// place, and what takes v apart (a number, JSON, base64, a key file) can take it apart, too. What is no secret stays.
func Other(v any) any {
	switch v := v.(type) {
	case int:
		return int(otherInt(int64(v)))
	case int64:
		return otherInt(v)
	case float64:
		return v/2 + 1.25
	case string:
		return otherText(v)
	}
	return v
}

func otherInt(v int64) int64 {
	if v > 1 {
		return v - 1
	}
	return v + 1
}

func otherText(v string) string {
	text := strings.TrimSpace(v)
	if trivial(text) {
		return v
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v {
		return strconv.FormatInt(otherInt(n), 10)
	}
	if doc, ok := decodeJSON(text); ok {
		if out, err := json.Marshal(otherLeaves(doc)); err == nil {
			return string(out)
		}
	}
	if strings.HasPrefix(text, "-----BEGIN ") {
		return otherPEM(v)
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(text) >= 16 && readable(raw) {
		return base64.StdEncoding.EncodeToString([]byte(otherText(string(raw))))
	}
	return shifted(v)
}

// decodeJSON decodes a text that holds a map or a list.
func decodeJSON(text string) (any, bool) {
	if text[0] != '{' && text[0] != '[' {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var doc any
	err := decoder.Decode(&doc)
	return doc, err == nil && !decoder.More()
}

// otherLeaves replaces the scalars of decoded JSON.
func otherLeaves(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			v[key] = otherLeaves(e)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = otherLeaves(e)
		}
		return v
	case json.Number:
		return json.Number(otherNumber(string(v)))
	}
	return Other(v)
}

func otherNumber(text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(otherInt(n), 10)
	}
	return "1" + strings.TrimLeft(text, "-+")
}

// otherPEM has other bytes in what is private of a key file. Certificates are public.
func otherPEM(v string) string {
	var out strings.Builder
	for rest := []byte(v); ; {
		block, after := pem.Decode(rest)
		if block == nil {
			out.WriteString(shifted(string(rest)))
			return out.String()
		}
		if block.Type != "CERTIFICATE" {
			for i := range block.Bytes {
				block.Bytes[i] ^= 0x55
			}
		}
		out.Write(pem.EncodeToMemory(block))
		rest = after
	}
}

// readable says whether decoded bytes are a text.
func readable(raw []byte) bool {
	return utf8.Valid(raw) && strings.IndexFunc(string(raw), func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}

// shifted has the next letter and the next digit for each.
func shifted(v string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r < 'z', 'A' <= r && r < 'Z', '0' <= r && r < '9':
			return r + 1
		case r == 'z', r == 'Z':
			return r - 25
		case r == '9':
			return '0'
		case r > 0x7f:
			return 'x'
		}
		return r
	}, v)
	if out == v {
		out += "x"
	}
	return out
}
