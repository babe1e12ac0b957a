package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Text is the text under which a server keeps a JSON value: strings as they
// are, numbers and literals as written, lists and objects as JSON with a
// space after each separator, as clients write them.
func Text(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "", refusal.BadRequest("value is missing")
	}
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '[', '{':
		return spaced(raw), nil
	}
	return string(raw), nil
}

// OptionalText is Text of a value that may be missing or null: nil then.
func OptionalText(raw json.RawMessage) (*string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	text, err := Text(raw)
	return &text, err
}

// spaced writes compact JSON with a space after each comma and colon.
func spaced(raw json.RawMessage) string {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	var b strings.Builder
	inString, escaped := false, false
	for _, c := range compact.Bytes() {
		b.WriteByte(c)
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == ',' || c == ':':
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// String is the text of a JSON string.
func String(raw []byte) string { return StringLike(raw, "") }

// StringLike is stringOf for a text that is likely to be the same as another,
// of which it needs no copy then.
func StringLike(raw []byte, other string) string {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			var s string
			json.Unmarshal(raw, &s) // it is a valid string
			return s
		}
	}
	if string(inner) == other {
		return other
	}
	return string(inner)
}

// AppendString appends text as a JSON string.
func AppendString(dst []byte, text string) []byte {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(dst, '"'), text...), '"')
	}
	quoted, _ := json.Marshal(text) // a string always encodes
	return append(dst, quoted...)
}

// ReadInteger reads an integer, or null.
func ReadInteger(name, raw []byte) (v int64, have bool, err error) {
	if string(raw) == "null" {
		return 0, false, nil
	}
	v, err = strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, false, refusal.BadRequest("%s %.40s is not an integer", name, raw)
	}
	return v, true, nil
}

// Ordinal is a step or an epoch in a request.
type Ordinal int64

func (o *Ordinal) UnmarshalJSON(raw []byte) error {
	v, _, err := ReadOrdinal([]byte("step or epoch"), raw)
	*o = Ordinal(v)
	return err
}

// ReadOrdinal reads a step or an epoch, or null.
func ReadOrdinal(name, raw []byte) (v int64, have bool, err error) {
	if string(raw) == "null" {
		return 0, false, nil
	}
	v, ok := ParseOrdinal(string(raw))
	if !ok {
		return 0, false, refusal.BadRequest("%s %.40s is not an integer", name, raw)
	}
	return v, true, nil
}

// ParseOrdinal reads a step or an epoch. Scripts log steps like 2.0 and 2.5,
// and clients pass them on as they are: what follows the point is dropped, so
// that the other points of the batch are not lost with it.
func ParseOrdinal(text string) (int64, bool) {
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(-1<<63 <= f && f < 1<<63) {
		return 0, false
	}
	return int64(f), true
}

// List is a list that is written as [] where it is empty, never as null.
func List(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
