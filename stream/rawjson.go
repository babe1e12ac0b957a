package stream

import (
	"encoding/base64"
	"errors"

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
	return pack.AppendJSON(b, c, true)
}

// AppendLooseJSON appends any value of a record, as [Raw.Fields] gives it, as
// JSON for people and their tools. It is AppendJSON where that works; in addition
// bytes become base64, numbers that JSON lacks, such as NaN, strings, and an ext
// value that this version does not know an object of its type and data. It cannot
// be converted back.
func (d Doc) AppendLooseJSON(b []byte) ([]byte, error) { return d.appendJSON(b, true) }

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
		binary = info.schema.IsBytes
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

func fromBase64(value []byte) ([]byte, error) {
	text, ok := Doc(value).Text()
	if !ok {
		return nil, errors.New("want base64")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
