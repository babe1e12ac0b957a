package comettest

import (
	"math"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
)

// synthSeries is a metric whose points are made when they are read: a noisy
// falling curve with six digits, one step a point, one epoch a hundred.
type synthSeries struct {
	seed  uint64
	n     int
	start int64 // time of the first point

	once sync.Once
	sum  pointSummary
}

const synthInterval = 250 // ms from point to point

func (s *synthSeries) len() int {
	if s == nil {
		return 0
	}
	return s.n
}

// each calls f with the points in order until it returns false, and reports
// whether it never did.
func (s *synthSeries) each(f func(p *point) bool) bool {
	p := point{hasStep: true, hasEpo: true}
	for i := range s.n {
		p.offset = int64(i)
		p.time = s.start + int64(i)*synthInterval
		p.step = int64(i)
		p.epoch = int64(i / 100)
		p.value = s.value(i)
		if !f(&p) {
			return false
		}
	}
	return true
}

func (s *synthSeries) value(i int) value {
	noise := derive.Mix(s.seed + uint64(i)*0x9E3779B97F4A7C15)
	// Rounded to millionths, so that the text is as long as logged values
	// usually are.
	f := math.Round(1e6/(1+float64(i)/50)+float64(noise%20000)) / 1e6
	return value{form: formFloat, bits: math.Float64bits(f)}
}

func (s *synthSeries) summary() pointSummary {
	s.once.Do(func() {
		s.each(func(p *point) bool {
			s.sum.add(p)
			return true
		})
	})
	return s.sum
}
