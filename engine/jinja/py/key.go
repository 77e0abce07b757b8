package py

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// A key is what makes two values the same dict key: comparable Go data, equal
// exactly when Python finds the values equal and equally hashed.

type (
	noneKey    struct{}
	bigKey     string
	bytesKey   string
	tupleKey   string
	undefKey   UndefinedKind
	complexKey complex128
)

// maxKeyBytes bounds the key of a tuple, which tuples that share their items
// could make as large as they like.
const maxKeyBytes = 1 << 20

// keyOf returns the key of v, or a TypeError when v is unhashable.
func keyOf(v Value) (any, error) { return keyAt(v, 0) }

func keyAt(v Value, depth int) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int:
		return v, nil
	case Markup:
		return string(v), nil
	case nil:
		return noneKey{}, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case float64:
		return floatKey(v), nil
	case complex128:
		if imag(v) == 0 {
			return floatKey(real(v)), nil
		}
		return complexKey(v), nil
	case *big.Int:
		if v.IsInt64() {
			return int(v.Int64()), nil
		}
		return bigKey(v.Text(16)), nil // unlike the decimal text, in linear time
	case Bytes:
		return bytesKey(v), nil
	case *Tuple:
		if depth > maxNesting {
			return nil, errRecursion
		}
		var b strings.Builder
		for _, item := range v.Items {
			k, err := keyAt(item, depth+1)
			if err != nil {
				return nil, err
			}
			if writeKey(&b, k); b.Len() > maxKeyBytes {
				return nil, &LimitError{"key bytes", maxKeyBytes}
			}
		}
		return tupleKey(b.String()), nil
	case *Undefined:
		if v.Kind == Strict {
			return nil, v.Err()
		}
		return undefKey(v.Kind), nil
	case *Range:
		return keyOf(NewTuple("range", v.Len(), v.Start, v.Step))
	case Keyer:
		return v.PyKey(), nil
	case *DictView:
		if v.What != 'v' {
			return nil, TypeErrorf("unhashable type: '%s'", TypeName(v))
		}
	case *List, *Dict, *Set:
		return nil, TypeErrorf("unhashable type: '%s'", TypeName(v))
	}
	return v, nil // other objects hash by identity; they are pointers
}

func floatKey(f float64) any {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		if f >= -(1<<62) && f <= 1<<62 {
			return int(f)
		}
		b, _ := big.NewFloat(f).Int(nil)
		return bigKey(b.Text(16))
	}
	return f
}

// writeKey encodes k so that different keys have different encodings.
func writeKey(b *strings.Builder, k any) {
	var tag byte
	var s string
	switch k := k.(type) {
	case string:
		tag, s = 's', k
	case int:
		tag, s = 'i', strconv.Itoa(k)
	case noneKey:
		tag = 'n'
	case bigKey:
		tag, s = 'i', string(k)
	case bytesKey:
		tag, s = 'b', string(k)
	case tupleKey:
		tag, s = 't', string(k)
	case undefKey:
		tag, s = 'u', strconv.Itoa(int(k))
	case float64:
		tag, s = 'f', strconv.FormatUint(math.Float64bits(k), 16)
	case complexKey:
		tag, s = 'c', strconv.FormatComplex(complex128(k), 'g', -1, 128)
	default:
		tag, s = 'o', identity(k)
	}
	b.WriteByte(tag)
	b.WriteString(strconv.Itoa(len(s)))
	b.WriteByte(':')
	b.WriteString(s)
}

// Hashable reports whether v can be a dict key, with Python's TypeError.
func Hashable(v Value) error {
	_, err := keyOf(v)
	return err
}
