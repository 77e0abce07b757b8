package py

import (
	"math/big"
	"strings"
)

// Contains evaluates item in seq.
func Contains(t *Thread, seq, item Value) (bool, error) {
	switch s := seq.(type) {
	case string, Markup:
		text, _ := IsString(s)
		sub, ok := IsString(item)
		if !ok {
			return false, TypeErrorf("'in <string>' requires string as left operand, not %s", TypeName(item))
		}
		return strings.Contains(text, sub), t.Step(scanSteps(len(text)))
	case *Dict:
		_, ok, err := s.Get(item)
		return ok, err
	case *Set:
		return s.Has(item)
	case *DictView:
		if s.What == 'k' {
			_, ok, err := s.D.Get(item)
			return ok, err
		}
	case Bytes:
		switch x := item.(type) {
		case Bytes:
			return strings.Contains(string(s), string(x)), nil
		case int, bool, *big.Int:
			i, _ := asIndex(x)
			if i < 0 || i > 255 {
				return false, ValueErrorf("byte must be in range(0, 256)")
			}
			return strings.IndexByte(string(s), byte(i)) >= 0, nil
		}
		return false, TypeErrorf("a bytes-like object is required, not '%s'", TypeName(item))
	case *Range:
		if i, ok := item.(int); ok {
			n := s.Len()
			return n > 0 && (i-s.Start)%s.Step == 0 && (i-s.Start)/s.Step >= 0 && (i-s.Start)/s.Step < n, nil
		}
	case *Undefined:
		if s.Kind == Strict {
			return false, s.Err()
		}
		return false, nil
	}
	it, err := Iter(t, seq)
	if err != nil {
		if IsKind(err, "TypeError") {
			err = TypeErrorf("argument of type '%s' is not iterable", TypeName(seq))
		}
		return false, err
	}
	for {
		v, ok, err := it.Next(t)
		if err != nil || !ok {
			return false, err
		}
		if err := t.Step(1); err != nil {
			return false, err
		}
		if eq, err := same(t, v, item, 0); eq || err != nil {
			return eq, err
		}
	}
}
