package stream

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// AppendJSON appends the body of the record to b as JSON, as
// [Doc.AppendLooseJSON] does.
func (r Raw) AppendJSON(b []byte) ([]byte, error) {
	v, err := r.checked()
	if err != nil {
		return b, err
	}
	c := v.body()
	defer c.Free()
	return appendLooseJSON(b, c), nil
}

// AppendLooseJSON appends any value of a record, as [Raw.Fields] gives it, as
// JSON for people and their tools. It is AppendJSON where that works; in addition
// bytes become base64, numbers that JSON lacks, such as NaN, strings, and an ext
// value that this version does not know an object of its type and data. It cannot
// be converted back.
func (d Doc) AppendLooseJSON(b []byte) ([]byte, error) {
	if d == nil {
		return append(b, "null"...), nil
	}
	if err := d.check(); err != nil {
		return b, err
	}
	c := pack.CursorAt(d, 0)
	defer c.Free()
	return appendLooseJSON(b, c), nil
}

// appendLooseJSON appends the JSON of any checked value at c.
func appendLooseJSON(b []byte, c *pack.Cursor) []byte {
	switch c.Class() {
	case pack.ClassFloat, pack.ClassFloat32:
		return appendLooseFloat(b, c.Float())
	case pack.ClassBin:
		return appendBase64(b, c.Bytes())
	case pack.ClassExt:
		typ, data := c.Ext()
		if typ == pack.ExtLiteral && pack.IsJSONNumber(data) {
			return append(b, data...)
		}
		b = append(b, `{"ext":`...)
		b = strconv.AppendInt(b, int64(typ), 10)
		return append(appendBase64(append(b, `,"data":`...), data), '}')
	case pack.ClassArray:
		b = append(b, '[')
		for i := range c.ArrayLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendLooseJSON(b, c)
		}
		return append(b, ']')
	case pack.ClassMap:
		b = append(b, '{')
		for i := range c.MapLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(pack.AppendJSONString(b, c.Bytes()), ':')
			b = appendLooseJSON(b, c)
		}
		return append(b, '}')
	}
	b, _ = pack.AppendJSON(b, c) // null, booleans, integers and text cannot fail
	return b
}

func appendLooseFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return pack.AppendJSONString(b, FloatValue(f).Text())
	}
	return pack.AppendJSONFloat(b, f)
}

func appendBase64(b, data []byte) []byte {
	b = append(b, '"')
	return append(base64.StdEncoding.AppendEncode(b, data), '"')
}

// RawFromJSON returns the record of a kind whose body [Raw.AppendJSON] gives as
// body, as far as there is a way back: bytes are read from base64 where FORMAT.md
// has bytes, numbers and text as [DocFromJSON] reads them. Members may come in any
// order.
func RawFromJSON(kind Kind, body []byte) (Raw, error) {
	doc, err := DocFromJSON(body)
	if err != nil {
		return Raw{}, err
	}
	if len(doc) == 0 || pack.ClassOf[doc[0]] != pack.ClassMap {
		return Raw{}, fault(ErrCorrupt, "the body of a record is an object")
	}
	var binary func(key string) bool
	if info := kinds[kind]; info != nil {
		binary = info.schema.binary
	}
	c := pack.CursorAt(doc, 0)
	defer c.Free()
	data := pack.Append(nil, func(p *pack.Packer) {
		packHead(p, kind)
		n := c.MapLen()
		p.MapLen(n)
		for range n {
			key := string(c.Bytes())
			value := c.Skip()
			p.Str(key)
			if binary == nil || !binary(key) || err != nil {
				p.Raw(value)
				continue
			}
			var content []byte
			if content, err = fromBase64(value); err != nil {
				err = fault(ErrCorrupt, "value of key %q: %v", key, err)
			}
			p.Bin(content)
		}
	})
	if err != nil {
		return Raw{}, err
	}
	r := Raw{Kind: kind, Data: data}
	_, err = r.checked()
	return r, err
}

// binary reports whether the value of a key is bytes.
func (s *schema) binary(key string) bool {
	f := s.find([]byte(key), 0)
	return f >= 0 && s.fields[f].typ == typeBin
}

func fromBase64(value []byte) ([]byte, error) {
	text, ok := Doc(value).Text()
	if !ok {
		return nil, errors.New("want base64")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
