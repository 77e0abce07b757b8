package project

import (
	"bytes"
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
		// As Kubernetes' reader of YAML has it: of 1.10 nothing is left but 1.1.
		if bytes.ContainsAny(data, ".eE") {
			data = strconv.AppendFloat(nil, v, 'g', -1, 64)
		}
		*s = scalar(data)
	case nil:
		*s = ""
	case []any:
		return errors.New("found a list, expected text")
	default:
		return errors.New("found a map, expected text")
	}
	return nil
}
