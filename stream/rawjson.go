package stream

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
)

// AppendJSON appends the body of the record to b as JSON, as
// [Doc.AppendLooseJSON] does.
func (r Raw) AppendJSON(b []byte) ([]byte, error) {
	v, err := r.checked()
	if err != nil {
		return b, err
	}
	c := v.body()
	defer c.free()
	return appendLooseJSON(b, c), nil
}

// AppendLooseJSON appends any value of a record, as [Raw.Fields] gives it, as
// JSON for people and their tools. It is AppendJSON where that works; beyond it
// bytes are in base64, what JSON has no number for, as NaN, becomes a string, and
// an ext value that this version does not know becomes an object of its type and
// data. There is no way back.
func (d Doc) AppendLooseJSON(b []byte) ([]byte, error) {
	if d == nil {
		return append(b, "null"...), nil
	}
	if err := d.check(); err != nil {
		return b, err
	}
	c := cursorAt(d, 0)
	defer c.free()
	return appendLooseJSON(b, c), nil
}

// appendLooseJSON appends the JSON of any checked value at c.
func appendLooseJSON(b []byte, c *cursor) []byte {
	switch c.class() {
	case classFloat, classFloat32:
		return appendLooseFloat(b, c.float())
	case classBin:
		return appendBase64(b, c.bytes())
	case classExt:
		typ, data := c.ext()
		if typ == extLiteral && isJSONNumber(data) {
			return append(b, data...)
		}
		b = append(b, `{"ext":`...)
		b = strconv.AppendInt(b, int64(typ), 10)
		return append(appendBase64(append(b, `,"data":`...), data), '}')
	case classArray:
		b = append(b, '[')
		for i := range c.arrayLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendLooseJSON(b, c)
		}
		return append(b, ']')
	case classMap:
		b = append(b, '{')
		for i := range c.mapLen() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, c.bytes()), ':')
			b = appendLooseJSON(b, c)
		}
		return append(b, '}')
	}
	b, _ = appendJSON(b, c) // null, booleans, integers and text cannot fail
	return b
}

func appendLooseFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendJSONString(b, FloatValue(f).Text())
	}
	return appendJSONFloat(b, f)
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
	if len(doc) == 0 || classOf[doc[0]] != classMap {
		return Raw{}, fault(ErrCorrupt, "the body of a record is an object")
	}
	var binary func(key string) bool
	if info := kinds[kind]; info != nil {
		binary = info.schema.binary
	}
	c := cursorAt(doc, 0)
	defer c.free()
	data := pack(nil, func(p *packer) {
		packHead(p, kind)
		n := c.mapLen()
		p.mapLen(n)
		for range n {
			key := string(c.bytes())
			value := c.skip()
			p.str(key)
			if binary == nil || !binary(key) || err != nil {
				p.raw(value)
				continue
			}
			var content []byte
			if content, err = fromBase64(value); err != nil {
				err = fault(ErrCorrupt, "value of key %q: %v", key, err)
			}
			p.bin(content)
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
