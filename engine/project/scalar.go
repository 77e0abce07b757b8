package project

import (
	"encoding/json"
	"errors"
	"strconv"
)

// scalar is text that YAML authors may also write as an unquoted number or boolean, as label values often are.
type scalar string

// UnmarshalJSON takes a string, a number or a boolean.
func (s *scalar) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*s = scalar(v)
	case bool:
		*s = scalar(strconv.FormatBool(v))
	case float64:
		*s = scalar(string(data))
	case nil:
		*s = ""
	case []any:
		return errors.New("found a list, expected text")
	default:
		return errors.New("found a map, expected text")
	}
	return nil
}
