package stream

import (
	"math"
	"strconv"
)

// appendJSON appends the JSON of the checked document at c.
func appendJSON(b []byte, c *cursor) ([]byte, error) {
	var err error
	switch c.class() {
	case classNil:
		c.null()
		return append(b, "null"...), nil
	case classBool:
		return strconv.AppendBool(b, c.bool()), nil
	case classInt:
		if overInt64(c.b, c.i) {
			return strconv.AppendUint(b, uint64(c.int()), 10), nil
		}
		return strconv.AppendInt(b, c.int(), 10), nil
	case classFloat:
		f := c.float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return b, corrupt("%v in a document", f)
		}
		return appendJSONFloat(b, f), nil
	case classStr:
		return appendJSONString(b, c.bytes()), nil
	case classExt:
		typ, text := c.ext()
		if typ != extLiteral || !isJSONNumber(text) {
			return b, corrupt("ext that is no number in a document")
		}
		return append(b, text...), nil
	case classArray:
		b = append(b, '[')
		for i := range c.arrayLen() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, c); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case classMap:
		b = append(b, '{')
		for i := range c.mapLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, c.bytes()), ':')
			if b, err = appendJSON(b, c); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	default:
		return b, corrupt("byte 0x%02x in a document", c.b[c.i])
	}
}

// appendJSONString appends s, which is UTF-8, as a JSON string. Only what must be
// escaped is.
func appendJSONString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}
