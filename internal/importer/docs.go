package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/comet-stream/comet-stream/stream"
)

// text is a text in a document of the source: also a number or boolean, whose
// literal it then is. It is absent where the document has null or nothing.
type text struct {
	V  string
	OK bool
}

// UnmarshalJSON takes a JSON value of any type.
func (t *text) UnmarshalJSON(data []byte) error {
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

func (t text) ptr() *string {
	if !t.OK {
		return nil
	}
	return &t.V
}

// integer is an integer in a document of the source, which may come as a text.
// What is no integer counts as absent.
type integer struct {
	V  int64
	OK bool
}

// UnmarshalJSON takes a JSON value of any type.
func (i *integer) UnmarshalJSON(data []byte) error {
	s := string(bytes.Trim(data, `"`))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		i.V, i.OK = n, true
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	// Beyond 2^53 a float does not say which integer was meant.
	if err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		i.V, i.OK = int64(f), true
	}
	return nil
}

func (i integer) ptr() *int64 {
	if !i.OK {
		return nil
	}
	return &i.V
}

// boolean is a boolean in a document of the source, which may come as a text.
type boolean struct{ V, OK bool }

// UnmarshalJSON takes a JSON value of any type.
func (b *boolean) UnmarshalJSON(data []byte) error {
	switch string(bytes.ToLower(bytes.Trim(data, `"`))) {
	case "true", "1":
		b.V, b.OK = true, true
	case "false", "0":
		b.V, b.OK = false, true
	}
	return nil
}

// readDoc reads the fields of a document. A document that is no object has
// none.
func readDoc(d stream.Doc, fields any) error {
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
