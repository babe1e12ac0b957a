package document

import (
	"encoding/json"
	"fmt"
	"hash/maphash"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// Text is a text in a document of the source: also a number or boolean, whose
// literal it then is. It is absent where the document has null or nothing.
type Text struct {
	V  string
	OK bool
}

// UnmarshalJSON takes a JSON value of any type.
func (t *Text) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	t.OK = true
	if data[0] == '"' {
		return json.Unmarshal(data, &t.V)
	}
	t.V = string(data)
	return nil
}

// NewText returns a text that is there.
func NewText(s string) Text { return Text{s, true} }

// TextOf returns the text that s points to, absent if it is nil.
func TextOf(s *string) Text {
	if s == nil {
		return Text{}
	}
	return NewText(*s)
}

// Ptr returns nil for an absent text.
func (t Text) Ptr() *string {
	if !t.OK {
		return nil
	}
	return &t.V
}

// Int is an integer in a document of the source, which may come as a text.
// What is not an integer counts as absent.
type Int struct {
	V  int64
	OK bool
}

// UnmarshalJSON takes a JSON value of any type.
func (i *Int) UnmarshalJSON(data []byte) error {
	if n := wire.IntOf(data); n != nil {
		*i = Int{*n, true}
	}
	return nil
}

// IntOf returns the integer that n points to, absent if it is nil.
func IntOf(n *int64) Int {
	if n == nil {
		return Int{}
	}
	return Int{*n, true}
}

// Ptr returns nil for an absent integer.
func (i Int) Ptr() *int64 {
	if !i.OK {
		return nil
	}
	return &i.V
}

// Bool is a boolean in a document of the source, which may come as a text.
type Bool struct{ V, OK bool }

// UnmarshalJSON takes a JSON value of any type.
func (b *Bool) UnmarshalJSON(data []byte) error {
	if v := wire.BoolOf(data); v != nil {
		*b = Bool{*v, true}
	}
	return nil
}

// Ptr returns nil for an absent boolean.
func (b Bool) Ptr() *bool {
	if !b.OK {
		return nil
	}
	return &b.V
}

// Read reads the fields of a document. A document that is not an object has
// none.
func Read(d stream.Doc, fields any) error {
	if d == nil {
		return nil
	}
	data, err := d.JSON()
	if err != nil {
		return fmt.Errorf("document: %w", err)
	}
	if data[0] != '{' {
		return nil
	}
	if err := json.Unmarshal(data, fields); err != nil {
		return fmt.Errorf("document: %w", err)
	}
	return nil
}

var hashSeed = maphash.MakeSeed()

// Hash returns a hash of a text, which stands for it in comparisons within
// one process.
func Hash(s string) uint64 { return maphash.String(hashSeed, s) }

// Deref returns the text that s points to, "" if it is nil.
func Deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Without returns the elements of a that are not in b.
func Without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	var rest []string
	for _, s := range a {
		if !in[s] {
			rest = append(rest, s)
		}
	}
	return rest
}

// IsTrue reports whether b points to true.
func IsTrue(b *bool) bool { return b != nil && *b }
