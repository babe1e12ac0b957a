package comet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// collect decodes points and copies them, as a caller that keeps them would.
func collect(r io.Reader, metric string) ([]Point, error) {
	var list []Point
	err := decodePoints(scan.New(r, 1<<10, nil), metric, func(p *Point) error {
		q := *p
		q.Value, q.Extra = bytes.Clone(p.Value), bytes.Clone(p.Extra)
		list = append(list, q)
		return nil
	})
	return list, err
}

var pointCases = []struct {
	name string
	json string
	want []Point
}{
	{"usual", `{"metrics":[{"metricName":"loss","metricValue":"0.13","timestamp":1558962376383,"step":1500,"epoch":null,"runContext":null}]}`,
		[]Point{{Name: "loss", Value: []byte("0.13"), Kind: StringValue, Time: IntOf(1558962376383), Step: IntOf(1500), Epoch: Int{}}}},
	{"offsets", `{"metrics":[{"offset":-227196944980285897},{"offset":null},{"offset":"x"}]}`,
		[]Point{
			{Name: "m", Offset: IntOf(-227196944980285897)}, {Name: "m", Offset: Int{}},
			{Name: "m", Extra: json.RawMessage(`{"offset":"x"}`)},
		}},
	{"none", `{"metrics":[]}`, nil},
	{"null list", `{"metrics":null}`, nil},
	{"spaces", " {\n\"metrics\" : [ { \"step\" : 1 } , {} ] }\n", []Point{{Name: "m", Step: IntOf(1)}, {Name: "m"}}},
	{"value kinds", `{"metrics":[{"metricValue":1.50},{"metricValue":true},{"metricValue":null},{"metricValue":""},{"metricValue":"NaN"},{"metricValue":-0}]}`,
		[]Point{
			{Name: "m", Value: []byte("1.50"), Kind: NumberValue}, {Name: "m", Value: []byte("true"), Kind: BoolValue}, {Name: "m", Kind: NullValue},
			{Name: "m", Value: []byte{}, Kind: StringValue}, {Name: "m", Value: []byte("NaN"), Kind: StringValue}, {Name: "m", Value: []byte("-0"), Kind: NumberValue},
		}},
	{"integers", `{"metrics":[{"step":"7","epoch":3.0,"timestamp":1e3},{"step":-9223372036854775808,"epoch":9223372036854775807,"timestamp":0}]}`,
		[]Point{
			{Name: "m", Step: IntOf(7), Epoch: IntOf(3), Time: IntOf(1000)},
			{Name: "m", Step: IntOf(-9223372036854775808), Epoch: IntOf(9223372036854775807), Time: IntOf(0)},
		}},
	{"no integers", `{"metrics":[{"step":1.5,"epoch":"x","timestamp":9223372036854775808}]}`,
		[]Point{{Name: "m", Extra: json.RawMessage(`{"step":1.5,"epoch":"x","timestamp":9223372036854775808}`)}}},
	{"contexts", `{"metrics":[{"runContext":"train"},{"runContext":""},{"runContext":null},{},{"runContext":["a"]}]}`,
		[]Point{
			{Name: "m", Context: new("train")}, {Name: "m", Context: new("")}, {Name: "m"}, {Name: "m"},
			{Name: "m", Extra: json.RawMessage(`{"runContext":["a"]}`)},
		}},
	{"unknown members", `{"next":[1,{"a":"]"}],"metrics":[{"a":{"b":[1,2]},"step":1,"c\n":"}"}],"more":1}`,
		[]Point{{Name: "m", Step: IntOf(1), Extra: json.RawMessage(`{"a":{"b":[1,2]},"c\n":"}"}`)}}},
	{"escapes", `{"metrics":[{"metricName":"a\/\u00e9\ud83d\ude00\"","metric\u0056alue":"\t"}]}`,
		[]Point{{Name: `a/é😀"`, Value: []byte("\t"), Kind: StringValue}}},
}

func TestDecodePoints(t *testing.T) {
	for _, tc := range pointCases {
		t.Run(tc.name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{
				"whole":    strings.NewReader(tc.json),
				"one byte": iotest.OneByteReader(strings.NewReader(tc.json)),
				"data err": iotest.DataErrReader(strings.NewReader(tc.json)),
			} {
				got, err := collect(r, "m")
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", kind, diff)
				}
			}
		})
	}
}

func TestDecodePointsCut(t *testing.T) {
	for _, tc := range pointCases {
		doc := strings.TrimSpace(tc.json)
		for i := range len(doc) {
			if _, err := collect(strings.NewReader(doc[:i]), "m"); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut after %d bytes: %v", tc.name, i, err)
			}
		}
	}
}

func TestDecodePointsMalformed(t *testing.T) {
	for _, doc := range []string{
		`[]`, `<html>`, `{"metrics":[1]}`, `{"metrics":[{}],}`, `{"metrics":[{},]}`, `{"metrics":[{"a":1,}]}`, `{"metrics":[{"a" 1}]}`,
		`{"metrics":[{"step":01}]}`, `{"metrics":[{"step":nul }]}`, `{"metrics":[{"metricName":"` + "\n" + `"}]}`, `{"metrics":[{a:1}]}`,
		`{"metrics":[{}]} x`, `{"metrics":[{"x":"\z"}]}`, `{"metrics":[{"\z":1}]}`, `{"x":tru,"metrics":[]}`, `{"metrics":,`,
	} {
		if _, err := collect(strings.NewReader(doc), ""); !errors.Is(err, wire.ErrSyntax) {
			t.Errorf("%s: %v, want a syntax error", doc, err)
		}
	}
}

// TestDecodePointsLong has points across the ends of the buffer and one that
// is larger than the buffer at first.
func TestDecodePointsLong(t *testing.T) {
	var doc bytes.Buffer
	doc.WriteString(`{"metrics":[`)
	long := strings.Repeat("x", 300<<10)
	const n = 1000
	for i := range n {
		if i > 0 {
			doc.WriteByte(',')
		}
		value := strconv.Itoa(i)
		if i == n/2 {
			value = long
		}
		fmt.Fprintf(&doc, `{"metricName":"m%d","metricValue":%q,"step":%d,"runContext":"c%d","x":%d}`, i%3, value, i, i%2, i)
	}
	doc.WriteString(`]}`)
	i := 0
	err := decodePoints(scan.New(iotest.HalfReader(&doc), 1<<10, nil), "", func(p *Point) error {
		want := Point{
			Name: "m" + strconv.Itoa(i%3), Value: []byte(strconv.Itoa(i)), Kind: StringValue, Step: IntOf(int64(i)),
			Context: new("c" + strconv.Itoa(i%2)), Extra: fmt.Appendf(nil, `{"x":%d}`, i),
		}
		if i == n/2 {
			want.Value = []byte(long)
		}
		if !cmp.Equal(want, *p) {
			return fmt.Errorf("point %d: %s", i, cmp.Diff(want, *p))
		}
		i++
		return nil
	})
	if err != nil || i != n {
		t.Fatalf("%d points, %v", i, err)
	}
}

// FuzzDecodePoints holds the decoder against encoding/json.
func FuzzDecodePoints(f *testing.F) {
	for _, tc := range pointCases {
		f.Add([]byte(tc.json))
	}
	const alike = `{"metricName":"a","metricValue":"%v", "timestamp":%v,"step":%v,"x":%v,"runContext":"b"}`
	for _, v := range []any{1, -1, "1.5", "01", "-0", "1e3", "null", "true", `"x"`, "12345678901234567890", `"é"`, "[1]", "-", ""} {
		same := fmt.Sprintf(alike, 2, 3, 4, 5)
		f.Add(fmt.Appendf(nil, `{"metrics":[%s,%s,%s]}`, same, fmt.Sprintf(alike, v, v, v, v), same))
	}
	f.Add([]byte(`{"metrics":[{"step":"1","step":2}],"metrics":[{"epoch":"\ud800"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, ok := referencePoints(data)
		got, err := collect(bytes.NewReader(data), "m")
		if _, lacks := errors.AsType[*scan.Lack](err); lacks {
			err = nil // it is JSON, and has no points or says that it is an error
		}
		if ok != (err == nil) {
			t.Fatalf("encoding/json accepts: %v; error here: %v", ok, err)
		}
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Errorf("(-encoding/json +got):\n%s", diff)
		}
	})
}

// referencePoints decodes points with encoding/json.
func referencePoints(data []byte) (list []Point, ok bool) {
	if !json.Valid(data) || bytes.TrimLeft(data, " \t\r\n")[0] != '{' {
		return nil, false
	}
	ok = true
	eachMember(data, func(name string, v json.RawMessage) {
		if name != "metrics" || v[0] != '[' {
			return
		}
		var elems []json.RawMessage
		if json.Unmarshal(v, &elems) != nil {
			ok = false
		}
		for _, e := range elems {
			if e[0] != '{' {
				ok = false
				return
			}
			list = append(list, referencePoint(e))
		}
	})
	return list, ok
}

func referencePoint(e json.RawMessage) Point {
	p := Point{Name: "m"}
	var extra []byte
	eachRawMember(e, func(raw []byte, v json.RawMessage) {
		var name string
		json.Unmarshal(raw, &name)
		var s *string
		isText := json.Unmarshal(v, &s) == nil && s != nil
		switch {
		case name == "metricName" && isText:
			p.Name = *s
		case name == "metricValue" && isText:
			p.Kind, p.Value = StringValue, []byte(*s)
		case name == "metricValue" && v[0] == 'n':
			p.Kind, p.Value = NullValue, nil
		case name == "metricValue" && (v[0] == 't' || v[0] == 'f'):
			p.Kind, p.Value = BoolValue, bytes.Clone(v)
		case name == "metricValue" && v[0] != '{' && v[0] != '[':
			p.Kind, p.Value = NumberValue, bytes.Clone(v)
		case name == "runContext" && isText:
			p.Context = s
		case name == "runContext" && v[0] == 'n':
			p.Context = nil
		case name == "timestamp" && referenceInt(&p.Time, v),
			name == "step" && referenceInt(&p.Step, v),
			name == "epoch" && referenceInt(&p.Epoch, v), name == "offset" && referenceInt(&p.Offset, v):
		default:
			if bytes.IndexByte(raw, '\\') >= 0 {
				raw = wire.Quote(name)
			}
			extra = append(append(append(append(extra, ','), raw...), ':'), v...)
		}
	})
	if extra != nil {
		extra[0] = '{'
		p.Extra = append(extra, '}')
	}
	return p
}

func referenceInt(i *Int, v json.RawMessage) bool {
	if v[0] == 'n' {
		*i = Int{}
		return true
	}
	if v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	var n json.Number
	if len(v) > 32 || len(v) == 0 || v[0] == '"' || json.Unmarshal(v, &n) != nil || v[0] == 'n' {
		// strconv also takes leading zeros, as in a text.
		x, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil || len(v) > 32 || v[0] == '+' {
			return false
		}
		*i = IntOf(x)
		return true
	}
	if x, err := n.Int64(); err == nil {
		*i = IntOf(x)
		return true
	}
	x, err := n.Float64()
	if err != nil || x != float64(int64(x)) || x >= 1<<53 || x <= -(1<<53) {
		return false
	}
	*i = IntOf(int64(x))
	return true
}

func eachMember(data []byte, fn func(string, json.RawMessage)) {
	eachRawMember(data, func(raw []byte, v json.RawMessage) {
		var name string
		json.Unmarshal(raw, &name)
		fn(name, v)
	})
}

// eachRawMember uses the offsets of a json.Decoder to find names as written.
func eachRawMember(data []byte, fn func([]byte, json.RawMessage)) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.Token()
	for dec.More() {
		from := dec.InputOffset()
		dec.Token()
		raw := bytes.TrimLeft(data[from:dec.InputOffset()], ", \t\r\n")
		var v json.RawMessage
		dec.Decode(&v)
		fn(raw, v)
	}
}

func TestPointsBeginAgain(t *testing.T) {
	const doc = `{"metrics":[{"step":1},{"step":2},{"step":3}]}`
	tries := 0
	routes := map[string]http.HandlerFunc{
		"GET /api/rest/v2/experiment/metrics/get-metric": func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("metricName"); got != "a/b c%é" {
				t.Errorf("metricName %q", got)
			}
			tries++
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
			if tries < 3 {
				io.WriteString(w, doc[:len(doc)-10*tries])
				return
			}
			io.WriteString(w, doc)
		},
	}
	t.Run("restart", func(t *testing.T) {
		c := newTestClient(t, routes)
		tries = 0
		var steps []int64
		restarts := 0
		err := c.Metrics.Points(t.Context(), "k", "a/b c%é", func() { restarts++; steps = nil }, func(p *Point) error {
			steps = append(steps, p.Step.N)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{1, 2, 3}, steps); diff != "" || restarts != 2 {
			t.Errorf("%d restarts; steps (-want +got):\n%s", restarts, diff)
		}
	})
	t.Run("no restart", func(t *testing.T) {
		c := newTestClient(t, routes)
		tries = 0
		err := c.Metrics.Points(t.Context(), "k", "a/b c%é", nil, func(*Point) error { return nil })
		if !errors.Is(err, api.ErrServer) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("yield fails", func(t *testing.T) {
		c := newTestClient(t, routes)
		tries = 2
		stop := errors.New("stop")
		n := 0
		err := c.Metrics.Points(t.Context(), "k", "a/b c%é", nil, func(*Point) error { n++; return stop })
		if err != stop || n != 1 {
			t.Errorf("%d points, %v", n, err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An answer that is faster in another form is asked for again at once, which is no
// failure.
func TestPointsInAnotherForm(t *testing.T) {
	answers := []io.Reader{
		io.MultiReader(strings.NewReader(`{"metrics":[{"step":1},{"step"`), iotest.ErrReader(transport.ErrSlow)),
		strings.NewReader(`{"metrics":[{"step":1},{"step":2}]}`),
	}
	var troubles []api.Trouble
	c := newTestClient(t, nil, func(o *api.Options) {
		o.Notify = func(tr api.Trouble) { troubles = append(troubles, tr) }
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			doc := io.Reader(strings.NewReader(`{"userName":"u"}`))
			if strings.HasSuffix(r.URL.Path, "/get-all") {
				doc, answers = answers[0], answers[1:]
			}
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1, Body: io.NopCloser(doc), Request: r,
			}, nil
		})
	})
	var steps []int64
	err := c.Metrics.AllPoints(t.Context(), "k", func() { steps = nil }, func(p *Point) error {
		steps = append(steps, p.Step.N)
		return nil
	})
	if diff := cmp.Diff([]int64{1, 2}, steps); err != nil || diff != "" || len(answers) > 0 || len(troubles) > 0 {
		t.Errorf("%v, troubles %v; steps (-want +got):\n%s", err, troubles, diff)
	}
}

func benchmarkPoints(b *testing.B, point string) {
	const n = 100_000
	var doc bytes.Buffer
	doc.WriteString(`{"metrics":[`)
	for i := range n {
		if i > 0 {
			doc.WriteByte(',')
		}
		fmt.Fprintf(&doc, point, i%20, float64(i)/7, 1592593124000+int64(i)*1000, i)
	}
	doc.WriteString(`]}`)
	b.SetBytes(int64(doc.Len()))
	b.ReportAllocs()
	for b.Loop() {
		points := 0
		if err := decodePoints(scan.New(bytes.NewReader(doc.Bytes()), 128<<10, nil), "", func(*Point) error { points++; return nil }); err != nil || points != n {
			b.Fatal(points, err)
		}
	}
}

func BenchmarkDecodePoints(b *testing.B) {
	benchmarkPoints(b, `{"metricName":"loss_%d","metricValue":"%v","timestamp":%d,"step":%d,"epoch":null,"runContext":"train"}`)
}

func BenchmarkDecodePointsExtra(b *testing.B) {
	benchmarkPoints(b, `{"metricName":"loss_%d","metricValue":"%v","timestamp":%d,"step":%d,"epoch":null,"runContext":"train","unknown":1}`)
}
