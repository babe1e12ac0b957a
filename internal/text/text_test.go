package text

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// in16 returns s in UTF-16.
func in16(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestReader(t *testing.T) {
	long := strings.Repeat("0123456789 äß😀\r\n", 3000)
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"one byte", "a", "a"},
		{"UTF-8", long, long},
		{"UTF-8 with a mark", "\ufeff" + long, long},
		{"a mark alone", "\ufeff", ""},
		{"little endian", in16("\ufeff"+long, binary.LittleEndian), long},
		{"big endian", in16("\ufeff"+long, binary.BigEndian), long},
		{"little endian without a mark", in16(long, binary.LittleEndian), long},
		{"big endian without a mark", in16(long, binary.BigEndian), long},
		{"one character of UTF-16", in16("a", binary.LittleEndian), "a"},
		{"half a character", in16("\ufeffab", binary.LittleEndian) + "c", "ab\ufffd"},
		{"half a pair", in16("\ufeffa", binary.BigEndian) + "\xd8\x3d", "a\ufffd"},
		{"half a pair, and more", in16("\ufeff", binary.BigEndian) + "\xd8\x3d\x00a", "\ufffda"},
		{"Latin-1", "a\xe4b", "a\xe4b"},
		{"only a first mark is one", "a\ufeffb", "a\ufeffb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := io.ReadAll(NewReader(r))
				if err != nil || string(got) != tt.want {
					t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(tt.want))
				}
			}
			if err := iotest.TestReader(NewReader(strings.NewReader(tt.in)), []byte(tt.want)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReaderError(t *testing.T) {
	failed := errors.New("no more")
	for _, begin := range []string{"", "abc", "\xff\xfea\x00"} {
		_, err := io.ReadAll(NewReader(io.MultiReader(strings.NewReader(begin), iotest.ErrReader(failed))))
		if !errors.Is(err, failed) {
			t.Errorf("after %q: error %v, want %v", begin, err, failed)
		}
	}
}

func TestScanLines(t *testing.T) {
	for in, want := range map[string][]string{
		"":                  nil,
		"a":                 {"a"},
		"a\nb\n":            {"a", "b"},
		"a\r\nb\r\n\r\nc":   {"a", "b", "", "c"},
		"a\rb\r\rc\r":       {"a", "b", "", "c"},
		"a\n\rb":            {"a", "", "b"},
		"\r\n":              {""},
		"mixed\ra\nb\r\n\n": {"mixed", "a", "b", ""},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in))} {
			s := bufio.NewScanner(r)
			s.Split(ScanLines)
			var got []string
			for s.Scan() {
				got = append(got, s.Text())
			}
			if diff := cmp.Diff(want, got); diff != "" || s.Err() != nil {
				t.Errorf("%s %q: %v (-want +got):\n%s", name, in, s.Err(), diff)
			}
		}
	}
}
