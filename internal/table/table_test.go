package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

func doc(t testing.TB, text string) stream.Doc {
	t.Helper()
	d, err := stream.DocFromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// printed returns the table of some records.
func printed(t testing.TB, kind Kind, format Format, records ...stream.Record) string {
	t.Helper()
	var out bytes.Buffer
	p := NewPrinter(&out, kind, format)
	for _, rec := range records {
		raw, err := stream.Encode(rec)
		if err == nil {
			err = p.Record(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sample has what is hard to print: names with separators, quotes and line breaks,
// values that are no numbers, and what is absent.
func sample(t testing.TB) []stream.Record {
	return []stream.Record{
		&stream.Experiment{Workspace: "w", Project: "a,b", Key: "k1", Name: new("say \"hi\"\nthere")},
		&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{
			doc(t, `{"name":"lr","valueCurrent":"0.10","valueMin":"0.1","valueMax":"1","timestampCurrent":1700000000000,"editable":true}`),
			doc(t, `{"name":"big","valueCurrent":9007199254740993,"timestampCurrent":"5"}`),
		}},
		&stream.Values{Of: stream.KindOthers, Values: []stream.Doc{doc(t, `{"name":"note","valueCurrent":"","valueMax":{"a":[1.0]},"valueMin":null}`)}},
		&stream.Metrics{Name: "loss", Points: []stream.Point{
			{Value: stream.FloatValue(0.5), Time: stream.NewInt64(1700000000123), Step: stream.NewInt64(1), Epoch: stream.NewInt64(0), Context: stream.NewString("train")},
			{Value: stream.TextValue("NaN"), Context: stream.NewString("")},
			{Value: stream.TextValue("9007199254740993")},
			{Value: stream.TextValue("1,5; x"), Time: stream.NewInt64(253402300800000)},
			{},
		}},
		&stream.ExperimentEnd{Key: "k1"},
		&stream.Experiment{Workspace: "w", Project: "p", Key: "k2"},
		&stream.Metrics{Name: " m\t", Points: []stream.Point{{Value: stream.IntValue(-1), Time: stream.NewInt64(0)}}},
	}
}

func TestPoints(t *testing.T) {
	const want = `workspace,project,experiment,experiment_name,metric,context,step,epoch,time,value
w,"a,b",k1,"say ""hi""
there",loss,train,1,0,2023-11-14 22:13:20.123,0.5
w,"a,b",k1,"say ""hi""
there",loss,"",,,,NaN
w,"a,b",k1,"say ""hi""
there",loss,,,,,9007199254740993
w,"a,b",k1,"say ""hi""
there",loss,,,,253402300800000,"1,5; x"
w,"a,b",k1,"say ""hi""
there",loss,,,,,
w,p,k2,,"` + " m\t" + `",,,,1970-01-01 00:00:00.000,-1
`
	got := printed(t, Points, CSV, sample(t)...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
	r := csv.NewReader(strings.NewReader(printed(t, Points, TSV, sample(t)...)))
	r.Comma = '\t'
	tsv, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, tsv); diff != "" {
		t.Errorf("CSV and TSV hold other rows (-csv +tsv):\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	const want = `{"workspace":"w","project":"a,b","experiment":"k1","experiment_name":"say \"hi\"\nthere","kind":"parameter","name":"lr","value":"0.10","min":"0.1","max":"1","time":"2023-11-14 22:13:20.000"}
{"workspace":"w","project":"a,b","experiment":"k1","experiment_name":"say \"hi\"\nthere","kind":"parameter","name":"big","value":9007199254740993,"min":null,"max":null,"time":"1970-01-01 00:00:00.005"}
{"workspace":"w","project":"a,b","experiment":"k1","experiment_name":"say \"hi\"\nthere","kind":"other","name":"note","value":"","min":null,"max":{"a":[1.0]},"time":null}
`
	if diff := cmp.Diff(want, printed(t, Values, JSONL, sample(t)...)); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	rows, err := csv.NewReader(strings.NewReader(printed(t, Values, CSV, sample(t)...))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	if diff := cmp.Diff([]string{"w", "a,b", "k1", "say \"hi\"\nthere", "other", "note", "", "", `{"a":[1.0]}`, ""}, rows[3]); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

// Rows come in the order of their records, however many make them.
func TestOrder(t *testing.T) {
	records := []stream.Record{&stream.Experiment{Workspace: "w", Project: "p", Key: "k"}}
	for i := range int64(500) {
		points := make([]stream.Point, 1+(i*37)%400)
		for j := range points {
			points[j] = stream.Point{Step: stream.NewInt64(i), Value: stream.IntValue(int64(j))}
		}
		records = append(records, &stream.Metrics{Name: "m", Points: points})
	}
	step, value := int64(0), int64(-1)
	for line := range strings.Lines(printed(t, Points, JSONL, records...)) {
		var row struct{ Step, Value int64 }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if value++; row.Step == step+1 {
			step, value = step+1, 0
		}
		if row.Step != step || row.Value != value {
			t.Fatalf("row %+v where step %d, value %d belongs", row, step, value)
		}
	}
	if step != 499 {
		t.Errorf("the last step is %d", step)
	}
}

type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// An output that fails ends the table with its error, and nothing waits forever.
func TestOutputFails(t *testing.T) {
	p := NewPrinter(&failing{1000}, Points, CSV)
	raw, err := stream.Encode(&stream.Metrics{Name: "m", Points: make([]stream.Point, 100)})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err = p.Record(raw); err != nil {
			break
		}
	}
	if err := p.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", " a", "a\"b", "a,b", "\n", "\r\n", "\t", "é\x1b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := &rowWriter{format: CSV}
		w.text("first")
		w.text(s)
		rows, err := csv.NewReader(bytes.NewReader(append(w.out, '\n'))).ReadAll()
		want := strings.ReplaceAll(s, "\r\n", "\n") // as encoding/csv reads it
		if err != nil || len(rows) != 1 || rows[0][1] != want {
			t.Errorf("%q comes back as %q: %v", s, rows, err)
		}
	})
}
