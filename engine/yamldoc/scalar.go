package yamldoc

import (
	"encoding/base64"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// decimal is what YAML 1.1 takes for a float, and for an integer that is no int64.
var decimal = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

var words = map[string]any{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	"true": true, "True": true, "TRUE": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"false": false, "False": false, "FALSE": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
	".nan": math.NaN(), ".NaN": math.NaN(), ".NAN": math.NaN(),
	".inf": math.Inf(1), ".Inf": math.Inf(1), ".INF": math.Inf(1),
	"+.inf": math.Inf(1), "+.Inf": math.Inf(1), "+.INF": math.Inf(1),
	"-.inf": math.Inf(-1), "-.Inf": math.Inf(-1), "-.INF": math.Inf(-1),
}

// plainValue is the value of an unquoted, untagged scalar.
func plainValue(text string) any {
	if v, ok := words[text]; ok {
		return v
	}
	switch c := text[0]; {
	case c == '.':
		// Go's own reader of floats, as the reference has it: it also takes .5p1, and that is harmless.
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	case c >= '0' && c <= '9', c == '+', c == '-':
		if v := number(strings.ReplaceAll(text, "_", "")); v != nil {
			return v
		}
	}
	return text
}

// number reads digits with an optional sign, in base 10, 16 (0x), 8 (0 or 0o) or 2 (0b). Dates and base-60 numbers are none.
func number(text string) any {
	if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(text, 0, 64); err == nil {
		return u
	}
	if decimal.MatchString(text) {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return nil
}

// taggedValue is the value of a scalar with a tag; ok says whether the text fits the tag. With a tag that is not one of YAML's
// own it stays text.
func taggedValue(tag, text string) (v any, ok bool) {
	switch tag {
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		return string(data), err == nil
	}
	v = plainValue(text)
	switch tag {
	case "!!null":
		return nil, v == nil
	case "!!bool":
		_, ok = v.(bool)
		return v, ok
	case "!!int":
		switch v.(type) {
		case int64, uint64:
			return v, true
		}
		return nil, false
	case "!!float":
		switch v := v.(type) {
		case int64:
			return float64(v), true
		case uint64:
			return float64(v), true
		case float64:
			return v, true
		}
		return nil, false
	}
	return text, true
}

// keyText is how a key that is not text is written as one; ok is false for null.
func keyText(v any) (key string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		switch {
		case math.IsNaN(v):
			return ".nan", true
		case math.IsInf(v, 1):
			return ".inf", true
		case math.IsInf(v, -1):
			return "-.inf", true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}
