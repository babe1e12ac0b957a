package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Other programs read the good golden streams as this package does: zstd the
// frames, and the msgpack library of Python the records. That of Go, which the
// package is built on, reads them without its cursor and its schemas.

// eachGood runs a test for each good golden stream and gives it the records, one
// after the other.
func eachGood(t *testing.T, test func(t *testing.T, file string, records []byte)) {
	files, err := filepath.Glob("testdata/good-*" + suffix)
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	for _, file := range append(files, "testdata/"+kept+suffix) {
		t.Run(strings.TrimSuffix(filepath.Base(file), suffix), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			test(t, file, decompress(t, bytes.NewReader(data)))
		})
	}
}

func TestForeignZstd(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("the program zstd is not installed")
	}
	eachGood(t, func(t *testing.T, file string, records []byte) {
		got, err := exec.CommandContext(t.Context(), zstd, "-dc", file).Output()
		if err != nil || !bytes.Equal(got, records) {
			t.Errorf("zstd -dc gives %d bytes, want %d (%v)", len(got), len(records), err)
		}
	})
}

// A frame that the program zstd has made is as good as one of ours, where it
// keeps what the format asks for.
func TestForeignFrames(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("the program zstd is not installed")
	}
	data := write(t, oneByOne, sample(t)...)
	var again []byte
	r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "content")
		if err := os.WriteFile(file, decompressBlock(t, b), 0o600); err != nil {
			t.Fatal(err)
		}
		// A file of known size, compressed at once, becomes a single segment.
		cmd := exec.CommandContext(t.Context(), zstd, "-q", "-19", "--check", "--single-thread", "-c", file)
		frame, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if frame[4]&(1<<5) == 0 {
			t.Skip("this zstd makes no single segment of a small file")
		}
		l := b.Label
		l.FrameLen, l.CRC = uint32(len(frame)), crc(frame)
		again = append(l.append(again), frame...)
	}
	got, err := readAll(bytes.NewReader(again))
	if want := kindsOf(must(readAll(bytes.NewReader(data)))); err != nil || !slices.Equal(kindsOf(got), want) {
		t.Errorf("%d records, want %d (%v)", len(got), len(want), err)
	}
}

func decompressBlock(t *testing.T, b *Block) []byte {
	t.Helper()
	c, err := b.decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.data
}

func TestForeignPython(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import msgpack").Run(); err != nil {
		t.Skip("python3 with its msgpack library is not installed")
	}
	eachGood(t, func(t *testing.T, file string, records []byte) {
		cmd := exec.CommandContext(t.Context(), python, "testdata/dump.py")
		cmd.Stdin = bytes.NewReader(records)
		cmd.Stderr = os.Stderr
		got, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(records), string(got)); diff != "" {
			t.Errorf("(-package +python):\n%s", diff)
		}
	})
}

func TestForeignGo(t *testing.T) {
	eachGood(t, func(t *testing.T, file string, records []byte) {
		d := msgpack.NewDecoder(bytes.NewReader(records))
		var got strings.Builder
		for {
			v, err := d.DecodeInterface()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(showAny(v) + "\n")
		}
		if diff := cmp.Diff(dump(records), got.String()); diff != "" {
			t.Errorf("(-package +library):\n%s", diff)
		}
	})
}

// A literal is ext type 1 in the eyes of the library.
type literal struct{ text []byte }

func init() {
	msgpack.RegisterExtDecoder(pack.ExtLiteral, literal{}, func(d *msgpack.Decoder, v reflect.Value, n int) error {
		text := make([]byte, n)
		if err := d.ReadFull(text); err != nil {
			return err
		}
		v.Set(reflect.ValueOf(literal{text}))
		return nil
	})
}

// showAny shows a value in the form of testdata/dump.py.
func showAny(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case float64:
		return fmt.Sprintf("f%016x", math.Float64bits(v))
	case string:
		return showText(v)
	case []byte:
		return fmt.Sprintf("b%x", v)
	case literal:
		return fmt.Sprintf("e%d:%x", pack.ExtLiteral, v.text)
	case *literal:
		return showAny(*v)
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i] = showAny(v[i])
		}
		return "[" + strings.Join(list, ",") + "]"
	case map[string]any:
		var list []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, showText(key)+":"+showAny(v[key]))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	return fmt.Sprint(v) // integers and booleans
}

func showText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// dump shows records as this package reads them.
func dump(records []byte) string {
	var b strings.Builder
	c := pack.CursorAt(records, 0)
	for c.Offset() < len(records) {
		b.WriteString(show(c) + "\n")
	}
	return b.String()
}

func show(c *pack.Cursor) string {
	switch c.Class() {
	case pack.ClassNil:
		c.Skip()
		return "null"
	case pack.ClassBool:
		return fmt.Sprint(c.Bool())
	case pack.ClassInt:
		value := c.Skip()
		if n := pack.CursorAt(value, 0).Int(); pack.OverInt64(value, 0) {
			return fmt.Sprint(uint64(n))
		} else {
			return fmt.Sprint(n)
		}
	case pack.ClassFloat:
		return fmt.Sprintf("f%016x", math.Float64bits(c.Float()))
	case pack.ClassStr:
		return showText(c.Str())
	case pack.ClassBin:
		return fmt.Sprintf("b%x", c.Bytes())
	case pack.ClassExt:
		typ, data := c.Ext()
		return fmt.Sprintf("e%d:%x", typ, data)
	case pack.ClassArray:
		var list []string
		for range c.ArrayLen() {
			list = append(list, show(c))
		}
		return "[" + strings.Join(list, ",") + "]"
	default:
		var list []string
		for range c.MapLen() {
			list = append(list, show(c)+":"+show(c))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
}
