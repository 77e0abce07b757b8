package pyyaml

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

func (l *loader) scalar(n *yaml.Node, kind string) (py.Value, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		return nil, l.fail(n, "expected a scalar node, but found "+nodeID(n))
	}
	s := n.Value
	switch kind {
	case "null":
		return nil, nil
	case "bool":
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			return true, nil
		case "no", "false", "off":
			return false, nil
		}
		return nil, &py.Error{Kind: "KeyError", Msg: py.ReprString(strings.ToLower(s))}
	case "int":
		return constructInt(s)
	case "float":
		return constructFloat(s)
	case "timestamp":
		return constructTime(s)
	case "binary":
		clean := strings.Map(func(r rune) rune {
			if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", r) {
				return r
			}
			return -1
		}, s)
		b, err := base64.StdEncoding.DecodeString(clean)
		if err != nil {
			return nil, l.fail(n, "failed to decode base64 data: "+err.Error())
		}
		return py.Bytes(b), nil
	}
	return s, nil
}

func cutSign(s string) (string, bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:], s[0] == '-'
	}
	return s, false
}

func constructInt(s string) (py.Value, error) {
	text, neg := cutSign(strings.ReplaceAll(s, "_", ""))
	var x *big.Int
	ok := true
	switch {
	case text == "":
		return nil, py.Errorf("IndexError", "string index out of range")
	case text == "0":
		x = new(big.Int)
	case strings.HasPrefix(text, "0b"):
		x, ok = new(big.Int).SetString(text[2:], 2)
	case strings.HasPrefix(text, "0x"):
		x, ok = new(big.Int).SetString(text[2:], 16)
	case text[0] == '0':
		x, ok = new(big.Int).SetString(text, 8)
	case strings.Contains(text, ":"):
		x = new(big.Int)
		for part := range strings.SplitSeq(text, ":") {
			d, err := strconv.Atoi(part)
			if err != nil {
				ok = false
				break
			}
			x.Add(x.Mul(x, big.NewInt(60)), big.NewInt(int64(d)))
		}
	default:
		v, err := py.ParseInt(text, 10)
		if err != nil {
			return nil, err
		}
		if neg {
			return py.Negate(nil, v)
		}
		return v, nil
	}
	if !ok {
		return nil, py.ValueErrorf("invalid literal for int(): %s", py.ReprString(s))
	}
	if neg {
		x.Neg(x)
	}
	return py.Big(x), nil
}

func constructFloat(s string) (py.Value, error) {
	text, neg := cutSign(strings.ToLower(strings.ReplaceAll(s, "_", "")))
	sign := 1.0
	if neg {
		sign = -1
	}
	switch text {
	case ".inf":
		return math.Inf(int(sign)), nil
	case ".nan":
		return math.NaN(), nil
	}
	if !strings.Contains(text, ":") {
		v, err := py.ParseFloat(text)
		if err != nil {
			return nil, err
		}
		return sign * v.(float64), nil
	}
	parts := strings.Split(text, ":")
	total, base := 0.0, 1.0
	for i := len(parts) - 1; i >= 0; i-- {
		v, err := py.ParseFloat(parts[i])
		if err != nil {
			return nil, err
		}
		total += v.(float64) * base
		base *= 60
	}
	return sign * total, nil
}
