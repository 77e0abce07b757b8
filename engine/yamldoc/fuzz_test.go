package yamldoc

import (
	"encoding/json"
	"errors"
	"testing"
)

// FuzzDecode proves that no file makes the reader panic, that every problem has a line of the file, and that what is accepted can be
// written as JSON.
func FuzzDecode(f *testing.F) {
	for _, s := range append(taggedScalars, scalars...) {
		f.Add([]byte("a: " + s))
	}
	for _, s := range []string{"a: &a [*a]", "{<<: {a: 1}, b: 2}", "targets:\n- name: x\n  tags: [a]\n---\n", "\ufeffa: 1", "? - a\n: b", "a: |\n x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = Decode("f.yaml", data, &project{})
		v, err := Value("f.yaml", data)
		var e *Error
		if errors.As(err, &e) {
			if e.Line < 1 || e.Msg == "" {
				t.Errorf("%q: problem without a place: %+v", data, e)
			}
			return
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	})
}
