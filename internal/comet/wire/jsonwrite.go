package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD, as with encoding/json; nothing else is changed, and nothing is
// escaped that need not be.
func AppendQuoted[T string | []byte](dst []byte, s T) []byte {
	return append(AppendEscaped(append(dst, '"'), s), '"')
}

// AppendEscaped appends what is between the quotes.
func AppendEscaped[T string | []byte](dst []byte, s T) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
			start = i + size
		}
		i += size
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// Quote returns s as a JSON string.
func Quote(s string) json.RawMessage { return AppendQuoted(make([]byte, 0, len(s)+2), s) }

// An Object builds a JSON object member by member, in the order of the calls.
type Object struct{ buf []byte }

// Len returns how many bytes have been written.
func (o *Object) Len() int { return len(o.buf) }

// Upto begins one more member and returns all that has been written, up to where
// its value goes.
func (o *Object) Upto(name string) string {
	o.name(name)
	return string(o.buf)
}

func (o *Object) name(name string) {
	if len(o.buf) == 0 {
		o.buf = append(o.buf, '{')
	} else {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(AppendQuoted(o.buf, name), ':')
}

// Raw writes a JSON value as it is, and nil as null.
func (o *Object) Raw(name string, value []byte) {
	o.name(name)
	if value == nil {
		value = []byte("null")
	}
	o.buf = append(o.buf, value...)
}

// Text writes a text.
func (o *Object) Text(name, value string) {
	o.name(name)
	o.buf = AppendQuoted(o.buf, value)
}

// TextOrNull writes nil as null.
func (o *Object) TextOrNull(name string, value *string) {
	if value == nil {
		o.Raw(name, nil)
		return
	}
	o.Text(name, *value)
}

// Texts writes a list of texts.
func (o *Object) Texts(name string, values []string) {
	o.name(name)
	o.buf = append(o.buf, '[')
	for i, v := range values {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = AppendQuoted(o.buf, v)
	}
	o.buf = append(o.buf, ']')
}

// TextsOrNull writes nil as null, and an empty list as one.
func (o *Object) TextsOrNull(name string, values []string) {
	if values == nil {
		o.Raw(name, nil)
		return
	}
	o.Texts(name, values)
}

// Int writes an integer.
func (o *Object) Int(name string, value int64) {
	o.name(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

// IntOrNull writes nil as null.
func (o *Object) IntOrNull(name string, value *int64) {
	if value == nil {
		o.Raw(name, nil)
		return
	}
	o.Int(name, *value)
}

// Bool writes a boolean.
func (o *Object) Bool(name string, value bool) {
	o.name(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

// Bytes returns the object, to which nothing is to be added any more.
func (o *Object) Bytes() []byte {
	if len(o.buf) == 0 {
		return []byte("{}")
	}
	return append(o.buf, '}')
}

// List returns a JSON array of the objects that write makes of the elements.
func List[T any](elements []T, write func(o *Object, e T)) []byte {
	list := []byte{'['}
	for i, e := range elements {
		if i > 0 {
			list = append(list, ',')
		}
		var o Object
		write(&o, e)
		list = append(list, o.Bytes()...)
	}
	return append(list, ']')
}

// TextOrNone writes a text that is not nil.
func (o *Object) TextOrNone(name string, value *string) { orNone(value, name, o.Text) }

// BoolOrNone writes a boolean that is not nil.
func (o *Object) BoolOrNone(name string, value *bool) { orNone(value, name, o.Bool) }

// IntOrNone writes an integer that is not nil.
func (o *Object) IntOrNone(name string, value *int64) { orNone(value, name, o.Int) }

func orNone[T any](value *T, name string, write func(string, T)) {
	if value != nil {
		write(name, *value)
	}
}
