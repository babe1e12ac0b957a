package metric

import (
	"math"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
)

// Synthetic is a metric whose points are made when they are read: a noisy
// falling curve with six digits, one step a point, one epoch a hundred.
type Synthetic struct {
	Seed  uint64
	N     int
	Start int64 // time of the first point

	once sync.Once
	sum  Summary
}

// SyntheticInterval is the time from one synthetic point to the next, in milliseconds.
const SyntheticInterval = 250

func (s *Synthetic) len() int {
	if s == nil {
		return 0
	}
	return s.N
}

// each calls f with the points in order until it returns false, and reports
// whether it never did.
func (s *Synthetic) each(f func(p *Point) bool) bool {
	p := Point{HasStep: true, HasEpoch: true}
	for i := range s.N {
		p.offset = int64(i)
		p.Time = s.Start + int64(i)*SyntheticInterval
		p.Step = int64(i)
		p.Epoch = int64(i / 100)
		p.Value = s.value(i)
		if !f(&p) {
			return false
		}
	}
	return true
}

func (s *Synthetic) value(i int) Value {
	noise := derive.Mix(s.Seed + uint64(i)*0x9E3779B97F4A7C15)
	// Rounded to millionths, so that the text is as long as logged values
	// usually are.
	f := math.Round(1e6/(1+float64(i)/50)+float64(noise%20000)) / 1e6
	return Value{form: formFloat, bits: math.Float64bits(f)}
}

func (s *Synthetic) summary() Summary {
	s.once.Do(func() {
		s.each(func(p *Point) bool {
			s.sum.add(p)
			return true
		})
	})
	return s.sum
}
