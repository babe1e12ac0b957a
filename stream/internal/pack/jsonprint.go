package pack

import (
	"math"
	"strconv"
)

// AppendJSON appends the JSON of the checked document at c.
func AppendJSON(b []byte, c *Cursor) ([]byte, error) {
	var err error
	switch c.Class() {
	case ClassNil:
		c.Null()
		return append(b, "null"...), nil
	case ClassBool:
		return strconv.AppendBool(b, c.Bool()), nil
	case ClassInt:
		if OverInt64(c.b, c.i) {
			return strconv.AppendUint(b, uint64(c.Int()), 10), nil
		}
		return strconv.AppendInt(b, c.Int(), 10), nil
	case ClassFloat:
		f := c.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return b, corrupt("%v in a document", f)
		}
		return AppendJSONFloat(b, f), nil
	case ClassStr:
		return AppendJSONString(b, c.Bytes()), nil
	case ClassExt:
		typ, text := c.Ext()
		if typ != ExtLiteral || !IsJSONNumber(text) {
			return b, corrupt("ext that is no number in a document")
		}
		return append(b, text...), nil
	case ClassArray:
		b = append(b, '[')
		for i := range c.ArrayLen() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = AppendJSON(b, c); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case ClassMap:
		b = append(b, '{')
		for i := range c.MapLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendJSONString(b, c.Bytes()), ':')
			if b, err = AppendJSON(b, c); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	default:
		return b, corrupt("byte 0x%02x in a document", c.b[c.i])
	}
}

// AppendJSONString appends s, which is UTF-8, as a JSON string. Only what must be
// escaped is.
func AppendJSONString[T string | []byte](b []byte, s T) []byte {
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
