package stream

import (
	"iter"
	"slices"
)

// Metrics carries points of one metric, at least 1 and at most [MaxPoints]. The
// points of a metric are in the order (time, step), absent ones first, over all
// its records: see [SortPoints] and [SplitMetrics].
type Metrics struct {
	Name   string
	Points []Point
}

// Kind returns KindMetrics.
func (*Metrics) Kind() Kind { return KindMetrics }

// A Point is one entry of a metric.
type Point struct {
	Value   Value
	Time    Int64 // ms since the epoch
	Step    Int64
	Epoch   Int64
	Context String
	Extra   Doc // an object of the fields that have no name here; nil = none
}

// SortPoints sorts points by time, then step, absent ones first. Points that are
// equal in both keep their order.
func SortPoints(points []Point) {
	slices.SortStableFunc(points, func(a, b Point) int { return a.Position().Compare(b.Position()) })
}

// Position is the place of a point in the order of its metric.
type Position struct{ Time, Step Int64 }

// Position returns the place of the point in the order of its metric.
func (p *Point) Position() Position { return Position{p.Time, p.Step} }

// Compare orders by time, then step, absent ones first.
func (p Position) Compare(q Position) int {
	if c := p.Time.compare(q.Time); c != 0 {
		return c
	}
	return p.Step.compare(q.Step)
}

// metricsSize is the size at which SplitMetrics ends a record.
const metricsSize = 1 << 20

// SplitMetrics yields the points of a metric as records that keep the limits of
// the format: up to MaxPoints points and about 1 MiB each. The records alias the
// points and are valid until the next is asked for. No points give no record.
func SplitMetrics(name string, points []Point) iter.Seq[*Metrics] {
	return func(yield func(*Metrics) bool) {
		for len(points) > 0 {
			n := fitPoints(points, metricsSize-len(name))
			if !yield(&Metrics{Name: name, Points: points[:n:n]}) {
				return
			}
			points = points[n:]
		}
	}
}

// fitPoints returns how many of the points fit a record of that size, at least 1.
func fitPoints(points []Point, size int) int {
	var contexts map[String]struct{}
	last := String{}
	for i := range points {
		p := &points[i]
		size -= p.Value.size() + len(p.Extra) + 3*9
		if p.Context != last {
			if contexts == nil {
				contexts = map[String]struct{}{}
			}
			if _, known := contexts[p.Context]; !known {
				contexts[p.Context] = struct{}{}
				size -= len(p.Context.V) + 8
			}
			last = p.Context
		}
		if i > 0 && size < 0 || i == MaxPoints {
			return i
		}
	}
	return len(points)
}
