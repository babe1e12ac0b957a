package pack

import (
	"encoding/base64"
	"math"
	"strconv"
)

// AppendJSON appends the JSON of the checked value at c. What JSON lacks is an error;
// or, if loose is true, bytes become base64, numbers such as NaN strings, and an ext
// value that is not a number an object of its type and data.
func AppendJSON(b []byte, c *Cursor, loose bool) ([]byte, error) {
	switch class := c.Class(); {
	case class == ClassNil:
		c.Null()
		return append(b, "null"...), nil
	case class == ClassBool:
		return strconv.AppendBool(b, c.Bool()), nil
	case class == ClassInt && OverInt64(c.b, c.i):
		return strconv.AppendUint(b, uint64(c.Int()), 10), nil
	case class == ClassInt:
		return strconv.AppendInt(b, c.Int(), 10), nil
	case class == ClassFloat || class == ClassFloat32 && loose:
		return appendFloat(b, c.Float(), loose)
	case class == ClassStr:
		return AppendJSONString(b, c.Bytes()), nil
	case class == ClassExt:
		typ, data := c.Ext()
		return appendExt(b, typ, data, loose)
	case class == ClassBin && loose:
		return appendBase64(b, c.Bytes()), nil
	case class == ClassArray:
		return appendList(b, c.ArrayLen(), '[', ']', func(b []byte) ([]byte, error) { return AppendJSON(b, c, loose) })
	case class == ClassMap:
		return appendList(b, c.MapLen(), '{', '}', func(b []byte) ([]byte, error) {
			return AppendJSON(append(AppendJSONString(b, c.Bytes()), ':'), c, loose)
		})
	}
	return b, Corrupt("byte 0x%02x in a document", c.b[c.i])
}

// appendList appends n elements between two marks.
func appendList(b []byte, n int, begin, end byte, element func([]byte) ([]byte, error)) ([]byte, error) {
	b = append(b, begin)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = element(b); err != nil {
			return b, err
		}
	}
	return append(b, end), nil
}

func appendFloat(b []byte, f float64, loose bool) ([]byte, error) {
	text, ok := NotFinite(f)
	switch {
	case !ok:
		return AppendJSONFloat(b, f), nil
	case loose:
		return AppendJSONString(b, text), nil
	}
	return b, Corrupt("%v in a document", f)
}

// NotFinite returns the text of a float that is not a number or infinite.
func NotFinite(f float64) (text string, ok bool) {
	switch {
	case math.IsNaN(f):
		return "NaN", true
	case math.IsInf(f, 1):
		return "Infinity", true
	case math.IsInf(f, -1):
		return "-Infinity", true
	}
	return "", false
}

func appendExt(b []byte, typ int8, data []byte, loose bool) ([]byte, error) {
	switch {
	case typ == ExtLiteral && IsJSONNumber(data):
		return append(b, data...), nil
	case loose:
		b = strconv.AppendInt(append(b, `{"ext":`...), int64(typ), 10)
		return append(appendBase64(append(b, `,"data":`...), data), '}'), nil
	}
	return b, Corrupt("ext that is no number in a document")
}

func appendBase64(b, data []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), data), '"')
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
