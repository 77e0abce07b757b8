package yamldoc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// UTF8 returns a document's text in UTF-8. YAML may also be written in UTF-16, with a byte order mark in front (YAML 1.1,
// section 5.2); what has none comes back as it is. The functions of this package do so by themselves: it is for text that
// is read by something else before.
func UTF8(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data, nil
	}
	if len(data)%2 != 0 {
		return nil, errUTF16
	}
	units := make([]uint16, 0, len(data)/2-1)
	for rest := data[2:]; len(rest) > 0; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	out := make([]byte, 0, len(units))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i++; i == len(units) {
				return nil, errUTF16
			}
			if r = utf16.DecodeRune(r, rune(units[i])); r == utf8.RuneError {
				return nil, errUTF16
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff})
}

// notUTF8 is the line of the first byte of a document that is in no encoding of YAML; 0 where there is none.
func notUTF8(data []byte) int {
	if isUTF16(data) || utf8.Valid(data) {
		return 0
	}
	line := 1
	for text := range bytes.Lines(data) {
		if !utf8.Valid(text) {
			break
		}
		line++
	}
	return line
}

var errUTF16 = errors.New("begins as UTF-16 does but is none: save it as UTF-8")
