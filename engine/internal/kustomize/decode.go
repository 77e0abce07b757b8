package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/api/resource"
)

// decoded is the resource as decoded JSON, with int64 and float64 for numbers. It is what decoding kustomize's own JSON
// gives, which is made by printing YAML and reading it again. Errors name the kustomization, which is in.
func decoded(res *resource.Resource, in string) (map[string]any, error) {
	var m map[string]any
	if err := res.YNode().Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %s/%s: %w", in, res.GetKind(), res.GetName(), err)
	}
	var problems []string
	plain(m, "", func(path, problem string) {
		problems = append(problems, fmt.Sprintf("%s: %s/%s: %s: %s", in, res.GetKind(), res.GetName(), strings.TrimPrefix(path, "."), problem))
	})
	if problems != nil {
		slices.Sort(problems) // a map has no order, and the same input shall give the same message
		return nil, errors.New(strings.Join(problems, "\n"))
	}
	return m, nil
}

// plain turns what YAML decodes to into what JSON does, and calls refuse for each part that has no such form. Maps and
// lists are changed in place.
func plain(v any, path string, refuse func(path, problem string)) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plain(e, path+"."+k, refuse)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = plain(e, path+"["+strconv.Itoa(i)+"]", refuse)
		}
		return v
	case string:
		if !utf8.ValidString(v) {
			refuse(path, "text is not in UTF-8")
		}
		return v
	case int:
		return int64(v)
	case float64, uint64:
		n, err := number(v)
		if err != nil {
			refuse(path, err.Error())
		}
		return n
	case time.Time:
		text, err := v.MarshalText()
		if err != nil {
			refuse(path, err.Error())
		}
		return string(text)
	case nil, bool, int64:
		return v
	case map[any]any:
		return textKeys(v, path, refuse)
	}
	refuse(path, noText)
	return nil
}

const noText = "a key in it is no text, and YAML takes yes, no, on, off, y and n for none: put it in quotes"

// textKeys is a map that has numbers as keys, such as the ports of ingress-nginx's tcp-services, as Kubernetes' reader has it.
// Kustomize can only fail to print it. A boolean may be what kustomize made of a word.
func textKeys(v map[any]any, path string, refuse func(path, problem string)) any {
	out := make(map[string]any, len(v))
	for k, e := range v {
		var key string
		switch k := k.(type) {
		case string:
			key = k
		case int, int64, uint64:
			key = fmt.Sprint(k)
		case float64:
			key = strconv.FormatFloat(k, 'g', -1, 32) // of 32 bits, as the reference has it
		default:
			refuse(path, noText)
			continue
		}
		if _, twice := out[key]; twice {
			refuse(path, fmt.Sprintf("the key %q is there twice, as text and otherwise", key))
		}
		out[key] = plain(e, path+"."+key, refuse)
	}
	return out
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
