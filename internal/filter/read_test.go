package filter

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// A mode is one of the functions that print.
type mode func(context.Context, io.Writer, io.Reader, Options) error

// printed returns the lines that a mode prints.
func printed(t testing.TB, m mode, data []byte, rules Rules) ([]string, error) {
	t.Helper()
	var out bytes.Buffer
	err := m(t.Context(), &out, bytes.NewReader(data), Options{Rules: rules})
	return slices.Collect(strings.Lines(out.String())), err
}

func TestList(t *testing.T) {
	want := []string{
		"k1\ta/p/k1\tfirst/run\t1970-01-01T00:00:01.000Z\t1970-01-01T00:00:02.000Z\tfinished,archived\t11\t4\t3009\t3\n",
		"k2\ta/p/k2\tsecond\t1970-01-01T00:00:03.000Z\t1970-01-01T00:00:09.000Z\tcrashed\t11\t4\t3009\t3\n",
		"k3\ta/q/k3\t\t1970-01-01T00:00:00.500Z\t\trunning\t11\t4\t3009\t3\n",
		"k4\tb/p/k4\tfourth\t\t\tfinished\t11\t4\t3009\t3\n",
	}
	for name, layout := range layouts {
		data := write(t, layout, sample(t)...)
		got, err := printed(t, List, data, Rules{})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		got, err = printed(t, List, data, Rules{Selection: selection.Selection{Tags: []string{"final"}}, Renames: renames(t, "b=z"), Without: resources(t, "metrics")})
		some := []string{strings.Replace(want[0], "\t11\t", "\t0\t", 1), strings.NewReplacer("b/p", "z/p", "\t11\t", "\t0\t").Replace(want[3])}
		if diff := cmp.Diff(some, got); err != nil || diff != "" {
			t.Errorf("%s, with rules: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestListEnds(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	got, err := printed(t, List, data[:len(data)/2], Rules{})
	if !errors.Is(err, stream.ErrTruncated) || len(got) == 0 || len(got) == 4 {
		t.Errorf("truncated: %v, %q", err, got)
	}
	aborted := write(t, layouts["one block"], append(sample(t)[:40], &stream.Abort{Class: "server", Message: "gone"})...)
	got, err = printed(t, List, slices.Concat(aborted, data), Rules{})
	if !errors.Is(err, stream.ErrAborted) || len(got) != 5 {
		t.Errorf("aborted, and a good one behind it: %v, %q", err, got)
	}
	_, err = printed(t, List, data, Rules{Selection: selection.Selection{Keys: keys("nope")}})
	if _, ok := errors.AsType[*MissingError](err); !ok {
		t.Errorf("missing key: %v", err)
	}
}

func TestListEscapes(t *testing.T) {
	records := []any{header(), &stream.Plan{}, &stream.Project{Name: "p\tq", Workspace: "w"}}
	records = append(records, experiment(t, "k", "w", "p\tq", func(e *stream.Experiment) { e.Name = new("a\x1b[31mb\nc\u009b2J") })...)
	got, err := printed(t, List, write(t, stream.WriterOptions{}, records...), Rules{})
	if err != nil || len(got) != 1 {
		t.Fatalf("%v: %q", err, got)
	}
	columns := strings.Split(got[0], "\t")
	if columns[1] != `"w/p\tq/k"` || columns[2] != `"a\x1b[31mb\nc\u009b2J"` {
		t.Errorf("columns %q", columns)
	}
}

func TestJSON(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	lines, err := printed(t, JSON, data, Rules{})
	if err != nil {
		t.Fatal(err)
	}
	records := read(t, data)
	if len(lines) != len(records) {
		t.Fatalf("%d lines for %d records", len(lines), len(records))
	}
	type object struct {
		Kind                               string
		Experiment, Artifact, Model, Asset *string
		Body                               map[string]any
	}
	var experiment, asset string
	seen := map[string]object{}
	for i, line := range lines {
		var o object
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&o); err != nil {
			t.Fatalf("line %d: %v\n%s", i, err, line)
		}
		if o.Kind != string(records[i].Kind) {
			t.Errorf("line %d is of kind %s, want %s", i, o.Kind, records[i].Kind)
		}
		switch o.Kind {
		case "experiment":
			experiment = text(records[i], "key")
		case "asset":
			asset = text(records[i], "id")
		}
		if deref(o.Experiment) != experiment {
			t.Errorf("line %d (%s) is of experiment %q, want %q", i, o.Kind, deref(o.Experiment), experiment)
		}
		if deref(o.Asset) != asset {
			t.Errorf("line %d (%s) is of asset %q, want %q", i, o.Kind, deref(o.Asset), asset)
		}
		switch o.Kind {
		case "experiment-end":
			experiment = ""
		case "asset-end", "skipped":
			asset = ""
		}
		if _, ok := seen[o.Kind]; !ok {
			seen[o.Kind] = o
		}
	}
	if got := seen["chunk"].Body["data"]; got != base64.StdEncoding.EncodeToString([]byte("\x89PNGk")) {
		t.Errorf("chunk %v", got)
	}
	if got := seen["artifact-version"]; deref(got.Artifact) != "ar1" {
		t.Errorf("artifact version of %q", deref(got.Artifact))
	}
	metrics := seen["metrics"].Body
	want := map[string]any{
		"name": "loss", "n": json.Number("5"), "epoch": []any{nil, nil, nil, nil, nil},
		"context": []any{"train", "train", "train", "train", "train"},
		"step":    []any{json.Number("0"), json.Number("1"), json.Number("2"), json.Number("3"), json.Number("4")},
		"time":    []any{json.Number("1000"), json.Number("1001"), json.Number("1002"), json.Number("1003"), json.Number("1004")},
		"value":   []any{json.Number("0"), json.Number("0.25"), json.Number("0.5"), json.Number("0.75"), json.Number("1")},
	}
	if diff := cmp.Diff(want, metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	// Numbers keep their text.
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, `{"x":[1,2.50,"y"]}`) }) {
		t.Error("2.50 has changed")
	}
}

func TestJSONExactAndSafe(t *testing.T) {
	values := []string{"NaN", "-Infinity", "1.0E-5", "1.0", "9223372036854775808", "0.1234567890123456789012345678901234567890", "abc", "-0"}
	var list []stream.Point
	for _, v := range values {
		list = append(list, stream.Point{Value: stream.TextValue(v)})
	}
	list = append(list, stream.Point{})
	group := experiment(t, "k", "w", "p", func(e *stream.Experiment) { e.Name = new("\u009b2J\x7f\u00e9\x1b") })
	records := append([]any{header(), &stream.Plan{}, &stream.Project{Name: "p", Workspace: "w"}}, group[0],
		&stream.Metrics{Name: "m", Points: list}, &stream.ExperimentEnd{Key: "k"})
	lines, err := printed(t, JSON, write(t, stream.WriterOptions{}, records...), Rules{})
	if err != nil {
		t.Fatal(err)
	}
	want := `"value":["NaN","-Infinity",1.0E-5,1.0,9223372036854775808,0.1234567890123456789012345678901234567890,"abc",-0,null]`
	if !strings.Contains(lines[4], want) {
		t.Errorf("got %s\nwant %s", lines[4], want)
	}
	if !strings.Contains(lines[3], `"\u009b2J\u007fé\u001b"`) {
		t.Errorf("name in %s", lines[3])
	}
}

func TestCheck(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	got, err := printed(t, Check, slices.Concat(data, data), Rules{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(read(t, data))
	want := map[string]int{
		"streams": 2, "records": 2 * n, "projects": 6, "experiments": 8, "points": 88,
		"assets": 34, "asset_bytes": 2 * (4*3009 + 6), "skipped": 30, "unknown_kinds": 12,
	}
	if diff := cmp.Diff(want, totalsOf(t, got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func totalsOf(t *testing.T, lines []string) map[string]int {
	t.Helper()
	totals := map[string]int{}
	for _, line := range lines {
		name, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		var n int
		if err := json.Unmarshal([]byte(number), &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		totals[name] = n
	}
	return totals
}

// Every flipped bit and every cut is found, in blocks and between them.
func TestCheckFindsDamage(t *testing.T) {
	data := write(t, layouts["blocks of 2000 bytes"], sample(t)...)
	for i := 0; i < len(data); i += 1 + len(data)/300 {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, err := printed(t, Check, bad, Rules{}); err == nil {
			t.Errorf("bit %d of byte %d flipped: not found", i%8, i)
		}
	}
	for cut := range 60 {
		cut = cut * len(data) / 60
		if _, err := printed(t, Check, data[:cut], Rules{}); !errors.Is(err, stream.ErrTruncated) && cut > 0 {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// Check also reads what checksums do not know: records whose contents do not hold.
func TestCheckLooksInside(t *testing.T) {
	good := read(t, write(t, stream.WriterOptions{}, sample(t)...))
	change := func(kind stream.Kind, f func(stream.Record)) []stream.Raw {
		records := slices.Clone(good)
		i := slices.IndexFunc(records, func(r stream.Raw) bool { return r.Kind == kind })
		rec, err := records[i].Decode()
		if err != nil {
			t.Fatal(err)
		}
		f(rec)
		if records[i], err = records[i].With(rec); err != nil {
			t.Fatal(err)
		}
		return records
	}
	without := func(kind stream.Kind) []stream.Raw {
		i := slices.IndexFunc(good, func(r stream.Raw) bool { return r.Kind == kind })
		return slices.Delete(slices.Clone(good), i, i+1)
	}
	for name, records := range map[string][]stream.Raw{
		"sha256":       change(stream.KindAssetEnd, func(r stream.Record) { r.(*stream.AssetEnd).SHA256 = strings.Repeat("0", 64) }),
		"size":         change(stream.KindAssetEnd, func(r stream.Record) { r.(*stream.AssetEnd).Size++ }),
		"points":       change(stream.KindExperimentEnd, func(r stream.Record) { r.(*stream.ExperimentEnd).Points++ }),
		"counts":       change(stream.KindTrailer, func(r stream.Record) { r.(*stream.Trailer).Counts["chunk"]++ }),
		"key":          change(stream.KindExperimentEnd, func(r stream.Record) { r.(*stream.ExperimentEnd).Key = "k9" }),
		"chunk gone":   without(stream.KindChunk),
		"end gone":     without(stream.KindExperimentEnd),
		"project gone": without(stream.KindProject),
	} {
		if _, err := printed(t, Check, frames(t, records), Rules{}); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if _, err := printed(t, Check, frames(t, good), Rules{}); err != nil {
		t.Errorf("the unchanged stream: %v", err)
	}
}

func TestModesPrintWhatCame(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	for name, m := range map[string]mode{"list": List, "json": JSON, "sum": Sum, "check": Check} {
		lines, err := printed(t, m, data[:2*len(data)/3], Rules{})
		if !errors.Is(err, stream.ErrTruncated) || len(lines) == 0 {
			t.Errorf("%s: %v, %d lines", name, err, len(lines))
		}
		if lines, err := printed(t, m, []byte("PK\x03\x04"), Rules{}); !errors.Is(err, stream.ErrNotStream) || len(lines) > 0 {
			t.Errorf("%s: no stream: %v, %q", name, err, lines)
		}
		full := errors.New("disk full")
		if err := m(t.Context(), &failingWriter{10, full}, bytes.NewReader(data), Options{}); !errors.Is(err, full) {
			t.Errorf("%s: a writer that fails: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m(ctx, io.Discard, bytes.NewReader(data), Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: %v", name, err)
		}
	}
}
