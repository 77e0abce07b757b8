package diff

import (
	"errors"
	"strings"
	"testing"
)

// Of an immutable field the server quotes all that is in it, which nobody reads.
func TestErrorsQuoteNoLongValues(t *testing.T) {
	t.Parallel()
	long := `{"labels":{"a":"` + strings.Repeat("x", maxQuoted) + `"}}`
	for text, want := range map[string]string{
		`spec.template: Invalid value: ` + long + `: field is immutable`:                        `spec.template: Invalid value: (long): field is immutable`,
		`[a: Invalid value: ` + long + `: no, b: Invalid value: "short": no]`:                   `[a: Invalid value: (long): no, b: Invalid value: "short": no]`,
		`a: Invalid value: {"short": 1}: no, b: Invalid value: apps/v1 ` + long + `: no`:        `a: Invalid value: {"short": 1}: no, b: Invalid value: apps/v1 ` + long + `: no`,
		`a: Invalid value: "` + strings.Repeat("y", maxQuoted) + `": no; Invalid value: ` + `{`: `a: Invalid value: (long): no; Invalid value: {`,
	} {
		if got := (&InvalidError{Err: errors.New(text)}).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
