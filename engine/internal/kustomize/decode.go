package kustomize

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/api/resource"
)

// decoded is the resource as decoded JSON, with int64 and float64 for numbers. It is what decoding kustomize's own JSON
// gives, which is made by printing YAML and reading it again.
func decoded(res *resource.Resource) (map[string]any, error) {
	var m map[string]any
	if err := res.YNode().Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", res.CurId(), err)
	}
	for k, v := range m {
		var err error
		if m[k], err = jsonValue(v); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", res.CurId(), k, err)
		}
	}
	return m, nil
}

// jsonValue turns what YAML decodes to into what JSON does. Maps and lists are changed in place.
func jsonValue(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if v[k], err = jsonValue(e); err != nil {
				return nil, err
			}
		}
		return v, nil
	case []any:
		for i, e := range v {
			if v[i], err = jsonValue(e); err != nil {
				return nil, err
			}
		}
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("text is not in UTF-8")
		}
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		return number(v)
	case uint64:
		return number(v)
	case time.Time:
		text, err := v.MarshalText()
		return string(text), err
	case nil, bool, int64:
		return v, nil
	}
	return nil, fmt.Errorf("a key in it is no text, and YAML takes yes, no, on, off, y and n for none: put it in quotes")
}

// number is what a number is when it has been through JSON: 1e3 is written 1000, and is whole then.
func number(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return i, nil
	}
	return strconv.ParseFloat(string(text), 64)
}
