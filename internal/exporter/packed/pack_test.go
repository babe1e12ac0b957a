package packed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

var awkwardValues = []string{
	"0", "-0", "1", "1.0", "1.0E-5", "1e-05", "NaN", "Infinity", "-Infinity", "5e-324", "9007199254740993", "-9007199254740991",
	"9223372036854775807", "-9223372036854775808", "9223372036854775808", "0.1234567890123456789012345678901234567890",
	"1099511627776", "-1099511627776", "", "true", "text", "0.13101346811652184", "1e400",
}

// awkwardPoints are points of all sorts, in no order.
func awkwardPoints(t *testing.T, n int, seed uint64) []stream.Point {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	number := func() stream.Int64 {
		switch r.IntN(8) {
		case 0:
			return stream.Int64{}
		case 1:
			return stream.NewInt64([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 32}[r.IntN(6)])
		}
		return stream.NewInt64(r.Int64N(50))
	}
	points := make([]stream.Point, n)
	for i := range points {
		p := stream.Point{Value: stream.TextValue(awkwardValues[r.IntN(len(awkwardValues))]), Time: number(), Step: number(), Epoch: number()}
		switch r.IntN(12) {
		case 0:
			p.Value = stream.Value{}
		case 1:
			p.Value = stream.BoolValue(true)
		case 2:
			p.Value = stream.BoolValue(false)
		case 3:
			doc, err := stream.DocFromJSON([]byte(`{"x":[1,"` + fmt.Sprint(i) + `"]}`))
			if err != nil {
				t.Fatal(err)
			}
			p.Extra = doc
		}
		if r.IntN(3) > 0 {
			p.Context = stream.NewString([]string{"train", "", "test"}[r.IntN(3)])
		}
		points[i] = p
	}
	return points
}

func TestPack(t *testing.T) {
	for _, points := range [][]stream.Point{nil, awkwardPoints(t, 1, 1), awkwardPoints(t, 2_000, 2)} {
		var k pack
		contexts := newContextTable()
		for i := range points {
			k.add(&points[i], &contexts)
		}
		var got []stream.Point
		for r := k.reader(&contexts); r.next(); {
			got = append(got, Own(&r.point))
		}
		if diff := cmp.Diff(points, got, cmp.Comparer(func(a, b stream.Value) bool { return a == b })); diff != "" {
			t.Fatalf("points (-want +got):\n%s", diff)
		}
	}
}

// What a typical point takes is what the memory of the export is made of.
func TestPackSize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var k pack
	contexts := newContextTable()
	const n = 15_000
	size := 0
	for i := range int64(n) {
		size += k.add(&stream.Point{
			Value: stream.TextValue(fmt.Sprint(r.Float64())), Time: stream.NewInt64(1_700_000_000_000 + 1000*i + r.Int64N(50)),
			Step: stream.NewInt64(10 * i), Epoch: stream.NewInt64(i / 100), Context: stream.NewString("train"),
		}, &contexts)
	}
	if per := float64(size) / n; per > 14 {
		t.Errorf("%.1f bytes a point", per)
	}
}

// Points come out in the order of the format, whatever the order in which they
// came, and equal ones in the order in which they came.
func TestCollectionOrder(t *testing.T) {
	points := awkwardPoints(t, 1500, 3)
	sorted := slices.Clone(points)
	stream.SortPoints(sorted)
	reversed := slices.Clone(sorted)
	slices.Reverse(reversed)
	early := append([]stream.Point{sorted[len(sorted)-1]}, sorted[:len(sorted)-1]...)
	for name, in := range map[string][]stream.Point{"sorted": sorted, "reversed": reversed, "random": points, "last first": early} {
		t.Run(name, func(t *testing.T) {
			want := slices.Clone(in)
			stream.SortPoints(want)
			c := New()
			for i := range in {
				c.Add("m", &in[i])
				c.Add("other", &in[i])
			}
			var got []stream.Point
			err := c.Records("m", func(m *stream.Metrics) error {
				if m.Name != "m" || len(m.Points) == 0 || len(m.Points) > stream.MaxPoints {
					t.Fatalf("record of %q with %d points", m.Name, len(m.Points))
				}
				for i := range m.Points {
					got = append(got, Own(&m.Points[i]))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b stream.Value) bool { return a == b })); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
		})
	}
	// In order, or in order but for the first, there is no heap of packs.
	c := New()
	for i := range early {
		c.Add("m", &early[i])
	}
	c.Series["m"].flush(c)
	if n := len(c.Series["m"].sorted); n > 1 {
		t.Errorf("%d packs for points that are in order but for the first", n)
	}
}
