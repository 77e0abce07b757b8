package helm

import (
	"fmt"
	"strings"
)

// maxError is how many bytes of an error of Helm's are told. Templates that include each other in a circle are told of with
// every step, a thousand of them.
const maxError = 2000

// brief tells an error in few words: of a long chain of templates, how it began and how it ended.
type brief struct {
	text string
	error
}

func (e brief) Error() string { return e.text }
func (e brief) Unwrap() error { return e.error }

func shortened(err error) error {
	text := strings.ReplaceAll(err.Error(), "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type releaseutil.SimpleHead",
		"a document is a list, expected an object")
	text = strings.ReplaceAll(text, "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type releaseutil.SimpleHead",
		"a document is plain text, expected an object")
	const step = ": error calling "
	steps := strings.Split(text, step)
	const first, last = 2, 2
	if left := len(steps) - first - last; len(text) > maxError && left > 0 {
		text = strings.Join(steps[:first], step) + fmt.Sprintf(": … (%d more steps)", left) + step + strings.Join(steps[len(steps)-last:], step)
	}
	if text == err.Error() {
		return err
	}
	return brief{text, err}
}
