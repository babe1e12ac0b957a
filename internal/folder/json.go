package folder

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// strict returns a JSON text as Python writes it as one that is JSON: NaN,
// Infinity and -Infinity, which are bare in it, become strings.
func strict(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	for i := 0; i < len(text); {
		if text[i] == '"' {
			end := wire.ValueEnd(text, i)
			if end < 0 {
				return append(out, text[i:]...)
			}
			out, i = append(out, text[i:end]...), end
			continue
		}
		word := ""
		for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(text[i:], []byte(w)) {
				word = w
			}
		}
		if word == "" {
			out = append(out, text[i])
			i++
			continue
		}
		out = append(append(append(out, '"'), word...), '"')
		i += len(word)
	}
	return out
}

// object checks that a text of Python is a JSON object, and returns it as JSON.
func object(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(strict(text))
	switch {
	case !json.Valid(text):
		return nil, wire.ErrSyntax
	case text[0] != '{':
		return nil, fmt.Errorf("%w: want an object", wire.ErrSyntax)
	}
	return text, nil
}

// docWithout returns the document of an object less the members of these names.
func docWithout(obj []byte, names ...string) (stream.Doc, error) {
	doc, err := stream.DocFromJSON(obj)
	if err != nil {
		return nil, err
	}
	return doc.Without(names...)
}

// changed returns an object with other values for some members, which are added
// where it has none, and with those that are nil left out.
func changed(obj []byte, values []member) []byte {
	var o wire.Object
	wire.Members(obj, func(name string, v []byte) {
		for i := range values {
			if values[i].name == name {
				return
			}
		}
		o.Raw(name, v)
	})
	for _, m := range values {
		if m.value != nil {
			o.Raw(m.name, m.value)
		}
	}
	return o.Bytes()
}

// A member is one of an object, with its raw value.
type member struct {
	name  string
	value []byte
}
