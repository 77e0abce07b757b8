package object

import (
	"math"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// YAML is o as kubectl prints objects: block style, keys in order.
func (o Object) YAML() ([]byte, error) {
	if direct(map[string]any(o)) {
		return yamlv2.Marshal(map[string]any(o))
	}
	return yaml.Marshal(o)
}

// direct says whether v can do without the detour by JSON that [yaml.Marshal] takes, which costs three times as much: where all is of
// decoded JSON's types, and no number looks otherwise after it. Texts with control characters are even told better.
func direct(v any) bool {
	switch v := v.(type) {
	case nil, bool, int64:
		return true
	case string:
		return utf8.ValidString(v)
	case float64:
		return v != math.Trunc(v)
	case []any:
		for _, e := range v {
			if !direct(e) {
				return false
			}
		}
		return v != nil
	case map[string]any:
		for k, e := range v {
			if !utf8.ValidString(k) || !direct(e) {
				return false
			}
		}
		return v != nil
	}
	return false
}
