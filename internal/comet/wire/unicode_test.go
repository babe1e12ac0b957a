package wire

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// What is no Unicode is told apart, and all else stays as it is, wherever a text is
// cut.
func TestUnicode(t *testing.T) {
	long := strings.Repeat(`"é😀\n\\ud800\u00e9\ud83d\ude00",`, 2000)
	for in, want := range map[string]string{
		``:                                    ``,
		`"plain"`:                             `"plain"`,
		`"\ud800"`:                            "\"\ufffdD800\"",
		`"\uD801x"`:                           "\"\ufffdD801x\"",
		`"\udc00\ud800"`:                      "\"\ufffdDC00\ufffdD800\"",
		`"\ud800\ud83d\ude00"`:                "\"\ufffdD800\\ud83d\\ude00\"",
		`"\\ud800"`:                           `"\\ud800"`,
		`"\\\ud800"`:                          "\"\\\\\ufffdD800\"",
		"\"a\xe9b\xc3\"":                      "\"a\ufffdE9b\ufffdC3\"",
		"\"\ufffd\"":                          "\"\ufffd\"",
		`"\ufffd"`:                            `"\ufffd"`,
		`"\u12`:                               `"\u12`,
		`"x\`:                                 `"x\`,
		long:                                  long,
		"\"x\xc3":                             "\"x\xc3", // cut short, as the next two
		`"\ud83d`:                             `"\ud83d`,
		`"\ud83d\ude`:                         `"\ud83d\ude`,
		"[" + long + `"\ud83d"`:               "[" + long + "\"\ufffdD83D\"",
		"[" + long + "\"\xff\"," + long + "]": "[" + long + "\"\ufffdFF\"," + long + "]",
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)), "halves": iotest.HalfReader(strings.NewReader(in)),
			"end with data": iotest.DataErrReader(strings.NewReader(in)),
		} {
			found := 0
			got, err := io.ReadAll(Unicode(r, func() { found++ }))
			if err != nil || string(got) != want {
				t.Errorf("%s, %.30q: %.60q, %v", name, in, got, err)
			}
			if lost := in != want; lost != (found == 1) {
				t.Errorf("%s, %.30q: found %d times", name, in, found)
			}
		}
	}
	broken := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("\"\xc3")))
	if _, err := io.ReadAll(Unicode(broken, nil)); err != iotest.ErrTimeout {
		t.Errorf("an error of the reader: %v", err)
	}
}

func FuzzUnicode(f *testing.F) {
	f.Add(`"\ud800\udc00\ud800x\\"`)
	f.Add("\"\xff\xc3\xa9\"")
	f.Fuzz(func(t *testing.T, in string) {
		out, err := io.ReadAll(Unicode(iotest.HalfReader(strings.NewReader(in)), nil))
		if err != nil {
			t.Fatal(err)
		}
		if json.Valid([]byte(in)) != json.Valid(out) {
			t.Errorf("%q became %q", in, out)
		}
		again, _ := io.ReadAll(Unicode(strings.NewReader(string(out)), func() { t.Errorf("%q has some left", out) }))
		if string(again) != string(out) {
			t.Errorf("%q changed again", out)
		}
	})
}
