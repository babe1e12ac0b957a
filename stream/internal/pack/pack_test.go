package pack_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Reading past what has been checked is a mistake of package stream.
func TestMisuse(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "stream: ") {
			t.Errorf("panic of %q", text)
		}
	}()
	data := pack.Append(nil, func(p *pack.Packer) { p.Int(1 << 20) })
	pack.CursorAt(data[:3], 0).Int()
}

// Of JSON goes back to JSON what came, members in order; faults have their class.
func TestJSON(t *testing.T) {
	data, err := pack.ParseJSON([]byte(`{"b": [1e2, -0, 18446744073709551615, 0.1, "\u00e9\n"], "a": null, "b2": {}, "a": true}`))
	if err != nil {
		t.Fatal(err)
	}
	if end, err := pack.Scan(data, 0, 0); err != nil || end != len(data) {
		t.Fatalf("%d of %d bytes, %v", end, len(data), err)
	}
	c := pack.CursorAt(data, 0)
	defer c.Free()
	text, err := pack.AppendJSON(nil, c, false)
	if want := `{"a":true,"b":[1e2,-0,18446744073709551615,0.1,"é\n"],"b2":{}}`; string(text) != want || err != nil || c.Offset() != len(data) {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	_, err = pack.Scan(data, 0, pack.MaxDepth)
	if !errors.Is(err, pack.ErrLimit) {
		t.Errorf("too deep: %v", err)
	}
	_, err = pack.Scan(data[:len(data)-1], 0, 0)
	if !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("cut: %v", err)
	}
}
