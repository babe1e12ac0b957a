package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// decodeText reads the member "output" of a document as a stream.
func decodeText(r io.Reader, room int) (text string, null bool, err error) {
	sr, err := ReadText(r, 64, TextNamed("output"))
	if err != nil || sr == nil {
		return "", err == nil, err
	}
	var b strings.Builder
	p := make([]byte, room)
	for {
		n, err := sr.Read(p)
		b.Write(p[:n])
		if err == io.EOF {
			return b.String(), false, nil
		}
		if err != nil {
			return b.String(), false, err
		}
	}
}

func TestTextReader(t *testing.T) {
	long := strings.Repeat("line é 😀 \"quoted\"\n", 3000)
	for _, tc := range []struct {
		name, doc, want string
		null            bool
	}{
		{name: "text", doc: `{"output":"line 1\nline 2\n"}`, want: "line 1\nline 2\n"},
		{name: "empty", doc: `{"output":""}`},
		{name: "null", doc: `{"output":null}`, null: true},
		{name: "number", doc: `{"output":1.50}`, want: "1.50"},
		{name: "object", doc: ` { "output" : {"a":"b"} , "x":1 } `, want: `{"a":"b"}`},
		{name: "among others", doc: `{"a":{"output":"no"},"b":["output"],"output":"yes","c":{"output":"no"}}`, want: "yes"},
		{name: "escapes", doc: `{"output":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00"}`, want: "\"\\/\b\f\n\r\tAé€😀"},
		{name: "lone surrogates", doc: `{"output":"\ud83d\ud83d\ude00\ude00x\ud83d"}`, want: "\ufffd😀\ufffdx\ufffd"},
		{name: "bad UTF-8", doc: "{\"output\":\"a\xffb\xc3\"}", want: "a\ufffdb\ufffd"},
		{name: "long", doc: `{"output":` + string(wire.Quote(long)) + `}`, want: long},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, room := range []int{1, 2, 8, 9, 100_000} {
				for kind, r := range map[string]io.Reader{
					"whole":    strings.NewReader(tc.doc),
					"one byte": iotest.OneByteReader(strings.NewReader(tc.doc)),
				} {
					got, null, err := decodeText(r, room)
					if err != nil || got != tc.want || null != tc.null {
						t.Fatalf("%s, room for %d: %.80q, null %v, %v; want %.80q, null %v", kind, room, got, null, err, tc.want, tc.null)
					}
				}
			}
		})
	}
}

func TestTextReaderCut(t *testing.T) {
	const doc = `{"a":[1],"output":"x\u00e9y\ud83d\ude00","b":{}}`
	for i := range len(doc) {
		if _, _, err := decodeText(strings.NewReader(doc[:i]), 100); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
	for _, bad := range []string{`[]`, `<html>`, "{\"output\":\"a\nb\"}", `{"output":"\x"}`, `{"output":"\u00g0"}`, `{"output":"a"}}`, `{"output":"a",}`} {
		if _, _, err := decodeText(strings.NewReader(bad), 100); !errors.Is(err, wire.ErrSyntax) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzTextReader(f *testing.F) {
	f.Add([]byte(`"a\ud83d\ude00\n"`))
	f.Add([]byte("\"\xc3\x28\\ud800\""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want string
		if json.Unmarshal(raw, &want) != nil || bytes.TrimSpace(raw)[0] != '"' {
			return
		}
		doc := fmt.Sprintf(`{"output":%s}`, raw)
		got, null, err := decodeText(strings.NewReader(doc), 10)
		if err != nil || null || got != want {
			t.Errorf("%s: %q, null %v, %v; want %q", raw, got, null, err, want)
		}
	})
}

// TestSaysError has a text of an answer that says, before or after it, that it is
// an error.
func TestSaysError(t *testing.T) {
	for doc, want := range map[string]string{
		`{"error":null,"text":"t","errors":[],"success":true,"status":"Production"}`: "",
		`{"error":true,"text":"t"}`:                        `the response says "error": true`,
		`{"text":"t","error":"busy"}`:                      `the response says "error": "busy"`,
		`{"text":"t","error":{"message":"busy"},"more":1}`: `the response says "error": {"message":"busy"}`,
		`{"text":"t","success":false}`:                     `the response says "success": false`,
		`{"status":"Error","text":"t"}`:                    `the response says "status": "Error"`,
		`{"text":"t","code":500}`:                          "the response says code 500",
	} {
		for _, size := range []int{16, 4096} {
			got := ""
			r, err := ReadText(strings.NewReader(doc), size, TextNamed("text"))
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s: error %q, want %q", doc, got, want)
			}
			if err := TextNamed("text").Holds([]byte(doc)); (err == nil) != (want == "") {
				t.Errorf("%s: Holds returns %v", doc, err)
			}
		}
	}
}
