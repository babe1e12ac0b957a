package jsonform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/stream"
)

// printed returns the lines of the records of a stream, and the records.
func printed(t testing.TB, data []byte) (lines []byte, records [][]byte) {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	var p Printer
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return lines, records
		}
		if err != nil {
			t.Fatal(err)
		}
		if lines, err = p.Append(lines, raw); err != nil {
			t.Fatal(err)
		}
		records = append(records, bytes.Clone(raw.Data))
	}
}

// sameAgain fails the test unless the stream that lines become has the records
// that they were printed from, byte for byte. It returns the lines.
func sameAgain(t testing.TB, data []byte) []byte {
	t.Helper()
	lines, want := printed(t, data)
	var out bytes.Buffer
	if err := Read(t.Context(), &out, bytes.NewReader(lines), Options{}); err != nil {
		t.Fatalf("%v\n%s", err, lines)
	}
	again, got := printed(t, out.Bytes())
	if len(got) != len(want) {
		t.Fatalf("%d records come back as %d", len(want), len(got))
	}
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Fatalf("record %d: %x comes back as %x\n%s", i, want[i], got[i], strings.Split(string(lines), "\n")[i])
		}
	}
	if !bytes.Equal(lines, again) {
		t.Fatal("the same records print as other lines")
	}
	return lines
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../stream/testdata/*.comet.zst")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden streams", err)
	}
	n := 0
	for _, file := range files {
		base := filepath.Base(file)
		if !strings.HasPrefix(base, "good-") && !strings.HasPrefix(base, "v1") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n++
		t.Run(base, func(t *testing.T) { sameAgain(t, data) })
	}
	if n < 5 {
		t.Errorf("%d golden streams", n)
	}
}

// odd makes values that msgpack has and JSON has not, or has in another form.
func odd(d *rand.Rand, depth int) any {
	switch n := d.IntN(14); {
	case n == 0:
		return nil
	case n == 1:
		return d.IntN(2) == 0
	case n == 2:
		return int64(d.Uint64()) >> d.IntN(64)
	case n == 3:
		return d.Uint64() >> d.IntN(64)
	case n == 4:
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, 1e300, 0.1, 1 << 53}[d.IntN(9)]
	case n == 5:
		return float32(d.Float64())
	case n == 6:
		return math.Float64frombits(d.Uint64())
	case n == 7:
		return []byte("\xff\x00"[:d.IntN(3)])
	case n == 8:
		return msgpack.RawMessage([]byte{0xd4, byte(d.IntN(3)), "1xA\xff"[d.IntN(4)]}) // ext of one byte
	case n == 9:
		return msgpack.RawMessage([]byte{0xd3, 0, 0, 0, 0, 0, 0, 0, byte(d.IntN(256))}) // an int in a long form
	case n < 12 || depth == 0:
		return []string{"", "a", "\x1b[2J", "\u202eé", "\ufffd", "NaN", "1e5", "</script>", "\x7f\u0085"}[d.IntN(9)]
	case n == 12:
		list := make([]any, d.IntN(3))
		for i := range list {
			list[i] = odd(d, depth-1)
		}
		return list
	}
	m := map[string]any{}
	for range d.IntN(3) {
		m[fmt.Sprint("k", d.IntN(5))] = odd(d, depth-1)
	}
	return m
}

func packed(t testing.TB, kind string, body map[string]any) stream.Raw {
	t.Helper()
	data, err := msgpack.Marshal([]any{kind, body})
	if err != nil {
		t.Fatal(err)
	}
	return stream.Raw{Kind: stream.Kind(kind), Data: data}
}

// Whatever msgpack writes, the order of keys and the forms of numbers included,
// comes back.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	for round := range 300 {
		d := rand.New(rand.NewPCG(seed, uint64(round)))
		var out bytes.Buffer
		w := stream.NewWriter(&out, stream.WriterOptions{FlushAfter: -1})
		must := func(err error) {
			if err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, round, err)
			}
		}
		must(w.Write(&stream.Header{Parents: []string{}, Requires: []string{}}))
		must(w.Write(&stream.Plan{}))
		must(w.WriteRaw(packed(t, "project", map[string]any{
			"workspace": "w", "name": "p", "experiments": 0, "doc": map[string]any{"a": odd(d, 3)}, "public": nil, "later": odd(d, 3)})))
		must(w.Write(&stream.Experiment{Key: "k", Workspace: "w", Project: "p"}))
		must(w.WriteRaw(packed(t, "parameters", map[string]any{"values": []any{map[string]any{"name": "a", "v": "\u2028"}}, "later": odd(d, 2)})))
		must(w.WriteRaw(packed(t, "html", map[string]any{"data": []byte{0xff, byte(d.IntN(256))}, "more": false})))
		points := make([]stream.Point, 1+d.IntN(20))
		for i := range points {
			points[i] = point(d)
		}
		must(w.Write(&stream.Metrics{Name: "m\u0000", Points: points}))
		must(w.WriteRaw(packed(t, "metrics", map[string]any{
			"name": "n", "n": 1, "value": []any{oddValue(d)}, "context": nil, "epoch": nil, "step": []any{1, []any{d.IntN(9)}}, "time": nil, "later": odd(d, 1)})))
		must(w.Write(&stream.ExperimentEnd{}))
		must(w.WriteRaw(packed(t, "future", map[string]any{"a": odd(d, 4), "b": odd(d, 4)})))
		must(w.Close())
		sameAgain(t, out.Bytes())
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
}

func oddValue(d *rand.Rand) any {
	return []any{1.0, int64(3), "NaN", "1.0", true, nil, math.NaN()}[d.IntN(7)]
}

func point(d *rand.Rand) stream.Point {
	maybe := func() stream.Int64 {
		if d.IntN(4) == 0 {
			return stream.Int64{}
		}
		return stream.NewInt64(int64(d.Uint64()) >> d.IntN(64))
	}
	p := stream.Point{Time: maybe(), Step: maybe(), Epoch: maybe()}
	p.Value = stream.TextValue([]string{"NaN", "1.0E-5", "1", "9007199254740993", "0.1", "-0", "true", "null", "\"", strings.Repeat("9", 40)}[d.IntN(10)])
	if d.IntN(2) == 0 {
		p.Value = stream.FloatValue(math.Float64frombits(d.Uint64()))
	}
	if d.IntN(2) == 0 {
		p.Context = stream.NewString("train")
	}
	if d.IntN(5) == 0 {
		p.Extra, _ = stream.DocFromJSON([]byte(`{"x":1.0}`))
	}
	return p
}

// A stream that was written by hand, with what the writer knows better left out.
const byHand = `
{"kind":"header","body":{"source":{"url":"https://elsewhere","version":null}}}
{"kind":"plan","body":{"projects":[{"workspace":"w","project":"p","experiments":1}],"workspaces":[]}}
{"kind":"project","body":{"workspace":"w","name":"p","experiments":1}}
{"kind":"experiment","body":{"key":"k","workspace":"w","project":"p","name":"n","start":1,"end":2,"running":false,"crashed":null,"archived":false}}
{"kind":"metrics","body":{"name":"loss","step":[1,2,null],"value":[0.5,"NaN",9007199254740993]}}
{"kind":"asset","body":{"id":"a","name":"a.bin","type":"asset","size":3,"remote":null,"doc":{}}}
{"kind":"chunk","body":{"data":"AAEC"}}
{"kind":"asset-end"}
{"kind":"experiment-end"}
{"kind":"trailer"}
`

func TestByHand(t *testing.T) {
	var out bytes.Buffer
	if err := Read(t.Context(), &out, strings.NewReader(byHand), Options{Tool: "test"}); err != nil {
		t.Fatal(err)
	}
	lines := string(sameAgain(t, out.Bytes()))
	for _, want := range []string{
		`"tool":"test"`, `"value":[0.5,"NaN",9007199254740993]`, `"step":[1,2,null]`, `"points":3`,
		`"sha256":"ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"`,
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %s in\n%s", want, lines)
		}
	}
	if strings.Contains(lines, `"msgpack"`) {
		t.Errorf("plain records have their msgpack beside them:\n%s", lines)
	}
}

// Lines that are no stream are refused by their number.
func TestRefused(t *testing.T) {
	hand := strings.Split(strings.TrimSpace(byHand), "\n")
	with := func(n int, line string) string {
		lines := append([]string{}, hand...)
		lines[n-1] = line
		return strings.Join(lines, "\n")
	}
	for _, test := range []struct {
		input string
		line  int64
		says  string
	}{
		{"", 1, "before a trailer"},
		{strings.Join(hand[:4], "\n"), 4, "before a trailer"},
		{with(3, "x"), 3, "not a JSON object"},
		{with(3, `{"body":{}}`), 3, `no "kind"`},
		{with(3, `{"kind":"project","body":{"workspace":"w"}}`), 3, "is missing"},
		{with(3, `{"kind":"project","body":[]}`), 3, "is an object"},
		{with(1, hand[1]), 1, "begins with a header"},
		{with(5, `{"kind":"metrics","body":{"name":"loss","step":[1],"value":[1,2]}}`), 5, "a column of 1 elements"},
		{with(5, `{"kind":"metrics","body":{"name":"loss","step":[1.5],"value":[1]}}`), 5, "metrics"},
		{with(7, `{"kind":"chunk","body":{"data":"?"}}`), 7, "illegal base64"},
		{with(7, `{"kind":"chunk","msgpack":"AAEC"}`), 7, "not a record"},
		{with(8, `{"kind":"asset-end","body":{"sha256":"ff","size":3}}`), 8, ""},
		{with(9, `{"kind":"trailer"}`), 9, ""},
		{strings.Join(append(hand, hand[2]), "\n"), 11, "begins with a header"},
	} {
		var out bytes.Buffer
		err := Read(t.Context(), &out, strings.NewReader(test.input), Options{})
		e, ok := errors.AsType[*LineError](err)
		if !ok || e.Line != test.line || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q at line %d: %v", test.says, test.line, err)
		}
	}
}

// Whatever the lines, what has been written is a stream that ends as it should.
func FuzzRead(f *testing.F) {
	f.Add([]byte(byHand))
	data, err := os.ReadFile("../../stream/testdata/good-all-kinds.comet.zst")
	if err != nil {
		f.Fatal(err)
	}
	lines, _ := printed(f, data)
	f.Add(lines)
	f.Add([]byte(`{"kind":"header","msgpack":"kA=="}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var out bytes.Buffer
		err := Read(t.Context(), &out, bytes.NewReader(lines), Options{})
		if err == nil {
			sameAgain(t, out.Bytes())
			return
		}
		r := stream.NewReader(&out, stream.ReaderOptions{})
		defer r.Close()
		for {
			if _, readErr := r.NextRaw(); readErr != nil {
				for _, class := range []error{io.EOF, stream.ErrAborted, stream.ErrTruncated, stream.ErrNotStream} {
					if errors.Is(readErr, class) {
						return
					}
				}
				t.Fatalf("%v leaves %v", err, readErr)
			}
		}
	})
}
