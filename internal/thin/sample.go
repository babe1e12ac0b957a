package thin

import (
	"cmp"
	"slices"
)

// maxSample is how many points a sample holds.
const maxSample = 16 << 10

// A Point is what is known of a point in a sample: hashes of its step, or of its
// time if it has none, of its step and context together, and of all its fields.
type Point struct {
	Step, InContext, Hash uint64
	Stepless              bool
}

// A Sample holds some points of a series, in their order, all of a step or none
// of it: which steps is chosen by their hashes. Its zero value is an empty one.
type Sample struct {
	mask   uint64
	points []sampled
}

type sampled struct {
	Point
	shown bool
}

// Has reports whether points of this hash of a step are in the sample.
func (s *Sample) Has(step uint64) bool { return mix(step)&s.mask == 0 }

// mix makes the low bits of a hash depend on all of them.
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	return x ^ x>>33
}

// Add takes the next point, of which it is not known yet whether it is shown.
func (s *Sample) Add(p Point) { s.add(p, false) }

func (s *Sample) add(p Point, shown bool) {
	if !s.Has(p.Step) {
		return
	}
	s.points = append(s.points, sampled{p, shown})
	for len(s.points) > maxSample {
		s.halve()
	}
}

// Len returns how many points the sample holds.
func (s *Sample) Len() int { return len(s.points) }

// halve drops the points of about half of the steps.
func (s *Sample) halve() {
	s.mask = s.mask<<1 | 1
	s.points = slices.DeleteFunc(s.points, func(p sampled) bool { return !s.Has(p.Step) })
}

// A Reading takes down what a server shows of the points of a sample.
type Reading struct {
	s     *Sample
	order []int // of the points by their hash
	// Extra counts points that are shown and not, or not so often, in the
	// sample.
	Extra int64
}

// Read begins a reading.
func (s *Sample) Read() *Reading {
	r := &Reading{s: s, order: make([]int, len(s.points))}
	for i := range s.points {
		s.points[i].shown = false
		r.order[i] = i
	}
	slices.SortStableFunc(r.order, func(a, b int) int { return cmp.Compare(s.points[a].Hash, s.points[b].Hash) })
	return r
}

// Shows takes a point that the server shows.
func (r *Reading) Shows(p Point) {
	if !r.s.Has(p.Step) {
		return
	}
	i, _ := slices.BinarySearchFunc(r.order, p.Hash, func(i int, h uint64) int { return cmp.Compare(r.s.points[i].Hash, h) })
	for ; i < len(r.order) && r.s.points[r.order[i]].Hash == p.Hash; i++ {
		if x := &r.s.points[r.order[i]]; !x.shown {
			x.shown = true
			return
		}
	}
	r.Extra++
}

// A server may keep one point of a step, or one of a step and context.
var places = []func(*sampled) uint64{
	func(p *sampled) uint64 { return p.Step },
	func(p *sampled) uint64 { return p.InContext },
}

// steps is what is shown of the steps of a sample.
type steps struct {
	several    int  // steps that have several points, of which one is shown
	none       bool // of some step no point is shown
	many       bool // of some step several are
	overridden bool // a point is missing before one of its step that is shown
}

func (s *Sample) steps(place func(*sampled) uint64) steps {
	type group struct{ points, shown int }
	if s.apart() {
		return steps{none: slices.ContainsFunc(s.points, func(p sampled) bool { return !p.shown })}
	}
	groups, found := make(map[uint64]group), steps{}
	for i := range s.points {
		p := &s.points[i]
		if p.Stepless {
			found.none = found.none || !p.shown
			continue
		}
		g := groups[place(p)]
		if p.shown {
			found.overridden = found.overridden || g.points > g.shown
			g.shown++
		}
		g.points++
		groups[place(p)] = g
	}
	for _, g := range groups {
		found.none = found.none || g.shown == 0
		found.many = found.many || g.shown > 1
		if g.points > 1 && g.shown == 1 {
			found.several++
		}
	}
	return found
}

// apart reports whether the steps ascend, as those of most series do: no two points
// are of the same then.
func (s *Sample) apart() bool {
	for i := range s.points {
		if s.points[i].Stepless || i > 0 && s.points[i].Step <= s.points[i-1].Step {
			return false
		}
	}
	return true
}

// Several reports whether several points of one step and context are shown, as by
// no server that keeps one of them.
func (s *Sample) Several() bool { return s.steps(places[1]).many }

// Overridden reports whether a point is missing that a later one of its step, that
// is shown, may have taken the place of.
func (s *Sample) Overridden() bool {
	for _, place := range places {
		if x := s.steps(place); x.overridden && !x.many {
			return true
		}
	}
	return false
}

// OnePerStep returns of how many steps that have several points exactly one is
// shown, where of each step one is: so does a server that keeps one of them.
func (s *Sample) OnePerStep() int {
	n := 0
	for _, place := range places {
		if x := s.steps(place); !x.none && !x.many {
			n = max(n, x.several)
		}
	}
	return n
}

// Spread reports whether what is shown is spread over the whole of the series, as
// where a server thins it out: no stretch is missing that is far longer than the
// others, at the ends neither.
func (s *Sample) Spread() bool {
	shown, run, longest := 0, 0, 0
	for i := range s.points {
		if s.points[i].shown {
			shown++
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	if shown < minRun {
		return false
	}
	// Random choices leave gaps of the logarithm of their number.
	return longest <= 16*(len(s.points)/shown+1)
}
