package object

import (
	"encoding/json"
	"math"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestYAMLIsThatOfTheDetourByJSON(t *testing.T) {
	t.Parallel()
	texts := []any{"", "a", "true", "no", "1", "1e3", "0x1f", "null", "~", " a", "a ", "a: b", "- a", "#", "a\nb", "a\nb\n", "\n", "\ta", "a\u2028b", "\u00e9\u4e16", "\U0001f600", "2001-01-01", "1:30", "=", "<<", "<&>", "\u0007", "\ufeff", "a\r\nb", "\xff"}
	values := append(texts, nil, true, int64(1), int64(-9007199254740993), int64(math.MaxInt64), 0.0, 1.0, 1e6, 1e21, 1e300, 0.5, -0.25, 1e-7, 1.0/3, 123456.789, uint64(math.MaxUint64), json.Number("1.50"),
		[]any{}, []any(nil), []any{int64(1), []any{"x"}}, map[string]any{}, map[string]any(nil), map[string]any{"b": "1", "a": map[string]any{"c": []any{nil}}, "a10": "x", "a9": "y"})
	for _, v := range values {
		o := Object{"kind": "X", "v": v}
		if s, ok := v.(string); ok {
			o["k"] = map[string]any{s: "key"}
		}
		got, err := o.YAML()
		if err != nil {
			t.Errorf("%#v: %v", v, err)
			continue
		}
		want, err := yaml.Marshal(o)
		if err != nil {
			t.Errorf("%#v: by JSON: %v", v, err)
		}
		if string(got) != string(want) {
			t.Errorf("%#v:\ngot  %s\nwant %s", v, got, want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x\n",null,true,{"y":"é"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var o Object
		if json.Unmarshal(text, &o) != nil || o == nil {
			return
		}
		want, err := yaml.Marshal(o)
		if err != nil {
			return // it cannot read some control characters back
		}
		if got, err := o.YAML(); err != nil || string(got) != string(want) {
			t.Errorf("%s (%v)\ngot  %s\nwant %s", text, err, got, want)
		}
	})
}
