package stream

import (
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// A Doc is one JSON value of a server in the encoding of the stream. A nil Doc
// is absent, which is not the same as a JSON null.
//
// Values and the text of every number survive the way from JSON to a Doc and
// back; the order of members, the space between them and the way in which strings
// are escaped do not. Of two members with the same name the last one counts.
type Doc []byte

// DocFromJSON returns the Doc of a JSON text. The same value gives the same
// bytes. Text that is not JSON is an error; one nested too deep for a record is
// an [ErrLimit]. What is not UTF-8, and unpaired surrogates, become U+FFFD.
func DocFromJSON(text []byte) (Doc, error) {
	doc, err := pack.ParseJSON(text)
	return doc, placeless(err)
}

// JSON returns the document as compact JSON with the members of objects in
// ascending order. A nil Doc gives null.
func (d Doc) JSON() ([]byte, error) { return d.AppendJSON(nil) }

// AppendJSON appends what JSON returns to b.
func (d Doc) AppendJSON(b []byte) ([]byte, error) { return d.appendJSON(b, false) }

func (d Doc) appendJSON(b []byte, loose bool) ([]byte, error) {
	if d == nil {
		return append(b, "null"...), nil
	}
	if err := d.check(); err != nil {
		return b, err
	}
	c := pack.CursorAt(d, 0)
	defer c.Free()
	b, err := pack.AppendJSON(b, c, loose)
	return b, placeless(err)
}

// MarshalJSON returns what JSON returns.
func (d Doc) MarshalJSON() ([]byte, error) { return d.JSON() }

// String returns the JSON of the document, for messages.
func (d Doc) String() string {
	text, err := d.JSON()
	if err != nil {
		return fmt.Sprintf("!(%v)", err)
	}
	return string(text)
}

func (d Doc) check() error {
	end, err := pack.Scan(d, 0, 0)
	if err == nil && end != len(d) {
		err = fault(ErrCorrupt, "bytes after the document")
	}
	return placeless(err)
}

// is reports whether the document is a value of the class.
func (d Doc) is(c pack.Class) bool {
	return len(d) > 0 && pack.ClassOf[d[0]] == c && d.check() == nil
}

// Text returns the text of a document that is a string. ok is false for every
// other one.
func (d Doc) Text() (text string, ok bool) {
	if !d.is(pack.ClassStr) {
		return "", false
	}
	c := pack.CursorAt(d, 0)
	defer c.Free()
	return c.Str(), true
}

// Member returns the member of an object with that name, or nil where there is
// none or the document is not an object. It aliases the document.
func (d Doc) Member(name string) Doc {
	if !d.is(pack.ClassMap) {
		return nil
	}
	c := pack.CursorAt(d, 0)
	defer c.Free()
	return memberOf(c, name)
}

// memberOf reads a map and returns the value of a key, or nil where it has none.
// The cursor is then of no more use.
func memberOf(c *pack.Cursor, key string) []byte {
	for range c.MapLen() {
		found := string(c.Bytes()) == key
		if value := c.Skip(); found {
			return value
		}
	}
	return nil
}

// Without returns the document without the members of that name; only those of
// the outermost object are meant. A document that is not an object is returned as it
// is.
func (d Doc) Without(names ...string) (Doc, error) {
	if d == nil {
		return nil, nil
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if pack.ClassOf[d[0]] != pack.ClassMap {
		return d, nil
	}
	kept, n := make([]byte, 0, len(d)), 0
	c := pack.CursorAt(d, 0)
	defer c.Free()
	for range c.MapLen() {
		name, value := c.Skip(), c.Skip()
		if !slices.Contains(names, string(pack.BytesAt(name, 0))) {
			kept = append(append(kept, name...), value...)
			n++
		}
	}
	return pack.Append(make([]byte, 0, len(kept)+5), func(p *pack.Packer) {
		p.MapLen(n)
		p.Raw(kept)
	}), nil
}
