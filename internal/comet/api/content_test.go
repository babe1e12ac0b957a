package api

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// awkwardTexts have characters at the ends of what is read at a time, and bytes
// that are none.
func awkwardTexts() map[string]string {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 5*runesRoom)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	return map[string]string{
		"empty":        "",
		"plain":        "x",
		"escapes":      "\"\\\n\r\t\x00\x1f\u2028",
		"long":         strings.Repeat("é😀\n", runesRoom),
		"shifted":      "x" + strings.Repeat("😀", runesRoom),
		"cut at end":   "abc\xf0\x9f\x98",
		"not UTF-8":    "a\xffb\xc3(c\xe2\x82d\xed\xa0\x80",
		"continuation": strings.Repeat("\x80", runesRoom+1),
		"random":       string(random),
	}
}

// A text that is sent as it is read arrives as encoding/json would send it.
func TestBodyWith(t *testing.T) {
	for name, text := range awkwardTexts() {
		t.Run(name, func(t *testing.T) {
			var o wire.Object
			o.Text("k", "v")
			b, err := bodyWith(&o, "text", TextContent(text))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				rc, err := b.open()
				if err != nil {
					t.Fatal(err)
				}
				sent, err := io.ReadAll(iotest.OneByteReader(rc))
				if err != nil || int64(len(sent)) != b.size || rc.Close() != nil {
					t.Fatalf("%d bytes of %d, %v", len(sent), b.size, err)
				}
				var got, want map[string]string
				std, _ := json.Marshal(map[string]string{"k": "v", "text": text}) // strings
				if err := errors.Join(json.Unmarshal(sent, &got), json.Unmarshal(std, &want)); err != nil || got["text"] != want["text"] || got["k"] != "v" {
					t.Fatalf("sent %.80q (%v)", sent, err)
				}
			}
		})
	}
}

// A text that is another one when it is sent is not sent as if it were whole.
func TestBodyWithChanges(t *testing.T) {
	for name, second := range map[string]string{"shorter": "ab", "longer": "abcd", "more escapes": "ab\n"} {
		t.Run(name, func(t *testing.T) {
			texts := []string{"abc", second}
			var o wire.Object
			b, err := bodyWith(&o, "text", Content{3, func() (io.ReadCloser, error) {
				text := texts[0]
				texts = texts[1:]
				return TextContent(text).Open()
			}})
			if err != nil {
				t.Fatal(err)
			}
			rc, err := b.open()
			if err != nil {
				t.Fatal(err)
			}
			if sent, err := io.ReadAll(rc); err == nil {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

func TestValidText(t *testing.T) {
	for name, text := range awkwardTexts() {
		t.Run(name, func(t *testing.T) {
			var want strings.Builder
			var bad int64
			for i, c := range text {
				if _, size := utf8.DecodeRuneInString(text[i:]); c == utf8.RuneError && size == 1 {
					bad++
				}
				want.WriteRune(c)
			}
			for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
				var invalid int64
				got, err := io.ReadAll(ValidText(r, &invalid))
				if err != nil || string(got) != want.String() || invalid != bad {
					t.Errorf("%.40q, %d invalid, %v; want %.40q, %d", got, invalid, err, want.String(), bad)
				}
			}
		})
	}
	if _, err := io.ReadAll(ValidText(iotest.ErrReader(io.ErrClosedPipe), nil)); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
}
