package stream

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

var compareValues = cmp.Comparer(func(a, b Value) bool { return a == b })

func TestMetricsRoundTrip(t *testing.T) {
	extra := doc(t, `{"offset":1.0,"step":"x"}`)
	value := TextValue("0.25")
	for _, tt := range []struct {
		name   string
		points []Point
		want   string // the columns, in JSON
	}{
		{"nothing but values", []Point{{Value: TextValue("1")}, {}, {Value: TextValue("1.0")}},
			`{"context":null,"epoch":null,"n":3,"name":"m","step":null,"time":null,"value":[1,null,"1.0"]}`},
		{"booleans", []Point{{Value: Value{kind: valueTrue}}, {Value: Value{kind: valueFalse}}},
			`{"context":null,"epoch":null,"n":2,"name":"m","step":null,"time":null,"value":[true,false]}`},
		{"differences", []Point{
			{Value: value, Time: NewInt64(1000), Step: NewInt64(0), Epoch: NewInt64(-1), Context: NewString("train")},
			{Value: value, Time: NewInt64(1500), Step: NewInt64(10), Epoch: NewInt64(-1), Context: NewString("train")},
			{Value: value, Time: NewInt64(1400), Step: NewInt64(5), Epoch: NewInt64(2), Context: NewString("train")}},
			`{"context":"train","epoch":[0,[-1,0,3]],"n":3,"name":"m","step":[0,[0,10,-5]],"time":[0,[1000,500,-100]],"value":[0.25,0.25,0.25]}`},
		{"differences that wrap", []Point{{Step: NewInt64(math.MinInt64)}, {Step: NewInt64(math.MaxInt64)}, {Step: NewInt64(0)}},
			`{"context":null,"epoch":null,"n":3,"name":"m","step":[0,[-9223372036854775808,-1,-9223372036854775807]],"time":null,"value":[null,null,null]}`},
		{"some absent", []Point{{Step: NewInt64(0)}, {}, {Step: NewInt64(7), Time: NewInt64(1)}},
			`{"context":null,"epoch":null,"n":3,"name":"m","step":[1,[0,null,7]],"time":[1,[null,null,1]],"value":[null,null,null]}`},
		{"contexts", []Point{{Context: NewString("b")}, {Context: NewString("")}, {}, {Context: NewString("b")}},
			`{"context":[["b","",null],[0,1,2,0]],"epoch":null,"n":4,"name":"m","step":null,"time":null,"value":[null,null,null,null]}`},
		{"empty context", []Point{{Context: NewString("")}},
			`{"context":"","epoch":null,"n":1,"name":"m","step":null,"time":null,"value":[null]}`},
		{"extra", []Point{{Value: value}, {Extra: extra}, {Extra: doc(t, `{}`)}},
			`{"context":null,"epoch":null,"extra":[null,{"offset":1.0,"step":"x"},{}],"n":3,"name":"m","step":null,"time":null,"value":[0.25,null,null]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := Encode(&Metrics{Name: "m", Points: tt.points})
			if err != nil {
				t.Fatal(err)
			}
			checkSorted(t, KindMetrics, raw.Data)
			text, err := raw.AppendJSON(nil)
			if err != nil || string(text) != tt.want {
				t.Errorf("columns are %s, want %s (%v)", text, tt.want, err)
			}
			back, err := raw.Decode()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&Metrics{Name: "m", Points: tt.points}, back, compareValues); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetricsRandom(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		points := make([]Point, 1+rng.IntN(50))
		for i := range points {
			points[i] = randomPoint(rng)
		}
		raw, err := Encode(&Metrics{Points: points})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back, err := raw.Decode()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(points, back.(*Metrics).Points, compareValues); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func randomPoint(rng *rand.Rand) Point {
	maybe := func() Int64 {
		if rng.IntN(20) == 0 {
			return Int64{}
		}
		return NewInt64(int64(rng.Uint64() >> rng.IntN(64)))
	}
	p := Point{Time: maybe(), Step: maybe(), Epoch: maybe()}
	switch rng.IntN(5) {
	case 0:
		p.Value = IntValue(int64(rng.Uint64() >> rng.IntN(64)))
	case 1:
		p.Value = FloatValue(math.Float64frombits(rng.Uint64()))
	case 2:
		p.Value = TextValue(strings.Repeat("9", rng.IntN(45)))
	case 3:
		p.Value = FloatValue(rng.NormFloat64())
	}
	if rng.IntN(3) > 0 {
		p.Context = NewString(strings.Repeat("c", rng.IntN(3)))
	}
	return p
}

// column makes metrics of n points whose column of that name is value.
func column(t *testing.T, n int, name string, value []byte) []byte {
	return editBody(t, &Metrics{Name: "m", Points: make([]Point, n)}, func(list []pair) []pair {
		i := slices.IndexFunc(list, func(p pair) bool { return p.key >= name })
		if list[i].key != name {
			list = slices.Insert(list, i, pair{key: name})
		}
		list[i].value = value
		return list
	})
}

func TestMetricsBadColumns(t *testing.T) {
	list := func(v ...[]byte) []byte { return append(appendArrayLen(nil, len(v)), bytes.Join(v, nil)...) }
	n := func(v int64) []byte { return appendInt(nil, v) }
	null, text := []byte{msgpcode.Nil}, appendStr(nil, "x")
	for _, tt := range []struct {
		name   string
		column string
		value  []byte
		ok     bool
	}{
		{"values", "value", list(n(1), text), true},
		{"too few values", "value", list(n(1)), false},
		{"too many values", "value", list(n(1), n(2), n(3)), false},
		{"value of a list", "value", list(n(1), list()), false},
		{"value of bytes", "value", list(n(1), appendBin(nil, nil)), false},
		{"value over int64", "value", list(n(1), appendUint(nil, 1<<63)), false},
		{"value float32", "value", list(n(1), []byte{msgpcode.Float, 0, 0, 0, 0}), false},
		{"value not UTF-8", "value", list(n(1), appendStr(nil, "\xff")), false},
		{"value ext", "value", list(n(1), appendLiteral(nil, []byte("1"))), false},
		{"step differences", "step", list(n(0), list(n(1), n(2))), true},
		{"step plain", "step", list(n(1), list(n(1), null)), true},
		{"step flag 2", "step", list(n(2), list(n(1), n(2))), false},
		{"step flag text", "step", list(text, list(n(1), n(2))), false},
		{"step flag -1", "step", list(n(-1), list(n(1), n(2))), false},
		{"step difference null", "step", list(n(0), list(n(1), null)), false},
		{"step too few", "step", list(n(0), list(n(1))), false},
		{"step without list", "step", list(n(0), n(1)), false},
		{"step of one", "step", list(n(0)), false},
		{"step of three", "step", list(n(0), list(n(1), n(2)), n(0)), false},
		{"step plain list", "step", list(n(1), n(2)), false},
		{"step float", "step", list(n(0), list(n(1), appendFloat(nil, 1.5))), false},
		{"step over int64", "step", list(n(0), list(n(1), appendUint(nil, 1<<63))), false},
		{"context text", "context", text, true},
		{"context dictionary", "context", list(list(null, text), list(n(1), n(0))), true},
		{"context beyond dictionary", "context", list(list(null, text), list(n(1), n(2))), false},
		{"context negative", "context", list(list(null, text), list(n(1), n(-1))), false},
		{"context index null", "context", list(list(null, text), list(n(1), null)), false},
		{"context dictionary of numbers", "context", list(list(n(1)), list(n(0), n(0))), false},
		{"context too few", "context", list(list(text), list(n(0))), false},
		{"context of one", "context", list(list(text)), false},
		{"context empty dictionary", "context", list(list(), list(n(0), n(0))), false},
		{"extra", "extra", list(null, doc(t, `{"a":1}`)), true},
		{"extra no map", "extra", list(null, text), false},
		{"extra too few", "extra", list(null), false},
		{"n too small", "n", n(1), false},
		{"n too large", "n", n(3), false},
		{"n zero", "n", n(0), false},
		{"n negative", "n", n(-2), false},
		{"n huge", "n", n(math.MaxInt64), false},
	} {
		data := column(t, 2, tt.column, tt.value)
		rec, err := Raw{Data: data}.Decode()
		if tt.ok != (err == nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v is no error of the format", tt.name, err)
		}
		if err == nil && len(rec.(*Metrics).Points) != 2 {
			t.Errorf("%s: %d points", tt.name, len(rec.(*Metrics).Points))
		}
	}
	if _, err := checkRecord(column(t, 2, "value", null)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no values: %v", err)
	}
}

func TestMetricsDictionaryLimit(t *testing.T) {
	for _, size := range []int{MaxPoints, MaxPoints + 1} {
		value := appendArrayLen(appendArrayLen(nil, 2), size)
		for i := range size {
			value = appendStr(value, fmt.Sprint(i))
		}
		value = append(value, msgpcode.FixedArrayLow|1, 0)
		_, err := checkRecord(column(t, 1, "context", value))
		if size <= MaxPoints && err != nil || size > MaxPoints && !errors.Is(err, ErrLimit) {
			t.Errorf("dictionary of %d: %v", size, err)
		}
	}
}

func TestSortPoints(t *testing.T) {
	at := func(time, step Int64, n int64) Point { return Point{Time: time, Step: step, Value: IntValue(n)} }
	absent, one, two := Int64{}, NewInt64(1), NewInt64(2)
	points := []Point{
		at(two, absent, 8), at(one, two, 6), at(absent, two, 3), at(absent, one, 1), at(absent, absent, 0), at(one, NewInt64(-5), 5),
		at(one, two, 7), at(absent, one, 2), at(one, absent, 4), at(two, NewInt64(0), 9),
	}
	SortPoints(points)
	for i := range points {
		if points[i].Value != IntValue(int64(i)) {
			t.Errorf("at %d is %v", i, points[i])
		}
	}
}

func TestPosition(t *testing.T) {
	at := func(time, step int64) Position { return Position{NewInt64(time), NewInt64(step)} }
	noStep := Position{Time: NewInt64(5)}
	for _, tt := range []struct {
		a, b Position
		want int
	}{
		{at(1, 1), at(0, 9), 1}, {at(1, 2), at(1, 1), 1}, {at(1, 1), at(1, 1), 0}, {at(5, -3), noStep, 1}, {Position{}, at(-5, 0), -1},
	} {
		if got := tt.a.Compare(tt.b); got != tt.want {
			t.Errorf("%v to %v: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := tt.b.Compare(tt.a); got != -tt.want {
			t.Errorf("%v to %v: %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestSplitMetrics(t *testing.T) {
	digits := TextValue(strings.Repeat("7", 400))
	extra := doc(t, `{"x":"`+strings.Repeat("x", 100<<10)+`"}`)
	plain := func(n int) []Point {
		points := make([]Point, n)
		for i := range points {
			points[i] = Point{Value: IntValue(int64(i)), Step: NewInt64(int64(i))}
		}
		return points
	}
	with := func(n int, change func(i int, p *Point)) []Point {
		points := plain(n)
		for i := range points {
			change(i, &points[i])
		}
		return points
	}
	for _, tt := range []struct {
		name   string
		points []Point
		counts []int // of points in the records; nil = only the size is checked
	}{
		{"none", nil, []int{}},
		{"one", plain(1), []int{1}},
		{"8,192", plain(8192), []int{8192}},
		{"8,193", plain(8193), []int{8192, 1}},
		{"20,000", plain(20000), []int{8192, 8192, 3616}},
		{"3,000 contexts of 1,000 letters", with(3000, func(i int, p *Point) { p.Context = NewString(fmt.Sprintf("%01000d", i)) }), nil},
		{"two contexts in turn", with(8192, func(i int, p *Point) { p.Context = NewString(strings.Repeat("c", 1000+i%2)) }), []int{8192}},
		{"values of 400 digits", with(8192, func(i int, p *Point) { p.Value = digits }), nil},
		{"extra", with(20, func(i int, p *Point) { p.Extra = extra }), nil},
		{"points larger than a record should be", with(3, func(i int, p *Point) { p.Value = TextValue(strings.Repeat("x", 1<<20)) }), []int{1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []Point
			counts := []int{}
			for m := range SplitMetrics("name", tt.points) {
				raw, err := Encode(m)
				if err != nil {
					t.Fatal(err)
				}
				if len(raw.Data) > metricsSize+1024 && len(m.Points) > 1 {
					t.Errorf("record of %d bytes", len(raw.Data))
				}
				if len(raw.Data) < metricsSize/2 && len(all)+len(m.Points) < len(tt.points) && len(m.Points) < MaxPoints {
					t.Errorf("record of %d bytes, and more to come", len(raw.Data))
				}
				if m.Name != "name" {
					t.Errorf("name %q", m.Name)
				}
				counts = append(counts, len(m.Points))
				all = append(all, m.Points...)
			}
			if diff := cmp.Diff(tt.counts, counts); tt.counts != nil && diff != "" {
				t.Errorf("records of points (-want +got):\n%s", diff)
			}
			if !slices.EqualFunc(tt.points, all, func(a, b Point) bool {
				return a.Value == b.Value && a.Step == b.Step && a.Context == b.Context && bytes.Equal(a.Extra, b.Extra)
			}) {
				t.Error("not the same points in the same order")
			}
		})
	}
}
