package thin

import (
	"math/rand/v2"
	"testing"
)

// seriesOf makes a series of n points, perLap steps in a lap, of which shows says
// which are shown.
func seriesOf(n, perLap int, shows func(i int) bool) *Series {
	s := new(Series)
	for i := range n {
		is := Missing
		if shows(i) {
			is = Shown
		}
		step := uint64(i % perLap)
		s.Add(Point{Step: step, InContext: step, Hash: uint64(i)}, is)
	}
	return s
}

func TestSeries(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, tt := range map[string]struct {
		s                       *Series
		tail, stretches, spread bool
		onePerStep, overridden  bool
		longest                 int64
	}{
		"all":                     {s: seriesOf(5000, 5000, func(int) bool { return true }), spread: true, longest: 5000},
		"none":                    {s: seriesOf(5000, 5000, func(int) bool { return false }), tail: true},
		"every third":             {s: seriesOf(5000, 5000, func(i int) bool { return i%3 == 0 }), spread: true, longest: 1},
		"all but one":             {s: seriesOf(5000, 5000, func(i int) bool { return i != 700 }), spread: true, longest: 4299},
		"some by chance":          {s: seriesOf(5000, 5000, func(int) bool { return rng.IntN(10) == 0 }), spread: true, longest: 3},
		"the first":               {s: seriesOf(5000, 5000, func(i int) bool { return i < 1000 }), tail: true, stretches: true, longest: 1000},
		"the last":                {s: seriesOf(5000, 5000, func(i int) bool { return i >= 4000 }), longest: 1000},
		"two requests":            {s: seriesOf(5000, 5000, func(i int) bool { return i/1000 != 2 && i/1000 != 4 }), stretches: true, longest: 2000},
		"two, and a point":        {s: seriesOf(5000, 5000, func(i int) bool { return i/1000 != 2 && i != 20 }), longest: 2000},
		"the last of each step":   {s: seriesOf(4000, 1000, func(i int) bool { return i >= 3000 }), onePerStep: true, overridden: true, longest: 1000},
		"the first of each step":  {s: seriesOf(4000, 1000, func(i int) bool { return i < 1000 }), tail: true, stretches: true, onePerStep: true, longest: 1000},
		"several of some steps":   {s: seriesOf(4000, 1000, func(i int) bool { return i < 1200 }), tail: true, stretches: true, longest: 1200},
		"the last of some":        {s: seriesOf(4000, 1000, func(i int) bool { return i < 200 || 2200 <= i && i < 2900 }), stretches: true, overridden: true, longest: 700},
		"large, the last of each": {s: seriesOf(100_000, 25_000, func(i int) bool { return i >= 75_000 }), onePerStep: true, overridden: true, longest: 25_000},
	} {
		s := tt.s
		if s.Tail() != tt.tail || s.Stretches() != tt.stretches || s.Overridden() != tt.overridden || (s.OnePerStep() > 0) != tt.onePerStep {
			t.Errorf("%s: tail %v, stretches %v, overridden %v, %d of one point, want %v, %v, %v, %v",
				name, s.Tail(), s.Stretches(), s.Overridden(), s.OnePerStep(), tt.tail, tt.stretches, tt.overridden, tt.onePerStep)
		}
		if s.Missing > 0 && s.Spread() != tt.spread {
			t.Errorf("%s: spread %v, want %v", name, s.Spread(), tt.spread)
		}
		if name != "some by chance" && s.LongestShown() != tt.longest {
			t.Errorf("%s: longest run %d, want %d", name, s.LongestShown(), tt.longest)
		}
		if len(s.points) > maxSample {
			t.Errorf("%s: a sample of %d points", name, len(s.points))
		}
	}
}

// A copy says nothing: neither does it end a run nor make one.
func TestCopies(t *testing.T) {
	var s Series
	for i := range uint64(100) {
		s.Add(Point{Step: i, InContext: i, Hash: i}, Shown)
		s.Add(Point{Step: i, InContext: i, Hash: i}, Copy)
	}
	if s.LongestShown() != 100 || s.Copies != 100 || s.Missing != 0 || s.Several() {
		t.Errorf("%+v", s)
	}
}

// A reading finds what is shown of a sample, and what is not of it or too often.
func TestReading(t *testing.T) {
	for _, n := range []uint64{100, 100_000} {
		var s Sample
		point := func(i uint64) Point { return Point{Step: i, InContext: i, Hash: i * 7} }
		for i := range n {
			s.Add(point(i))
		}
		for _, tt := range []struct {
			name             string
			shown, strangers []uint64
		}{
			{name: "some", shown: []uint64{0, 1, 5, 50, 99}},
			{name: "twice", shown: []uint64{0, 0, 5, 99, 99}},
		} {
			r := s.Read()
			sampled, twice, seen := 0, int64(0), make(map[uint64]bool)
			for _, i := range tt.shown {
				r.Shows(point(i))
				if !s.Has(point(i).Step) {
					continue
				}
				if seen[i] {
					twice++
				}
				seen[i] = true
				sampled++
			}
			r.Shows(Point{Step: s.points[0].Step, Hash: 3})
			if r.Extra != twice+1 {
				t.Errorf("%d points, %s: %d strangers, want %d of %d", n, tt.name, r.Extra, twice+1, sampled)
			}
		}
	}
}
