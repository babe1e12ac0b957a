package exporter

import (
	"context"
	"math"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/packed"
)

// Servers make the summary of a metric from all the points that were logged, and
// may then show fewer: comet.com at most serverCap of them. Whatever the limit is, a
// list is not all there was that lacks the least, the largest or the last of its own
// summary. One that was thinned with care has these, and shows by two things
// together: steps are missing here and there, and the number of points is one that
// people choose for a limit.

// leastThinned is the fewest points of a metric for which the summary is asked for.
// No server is known to show as few.
const leastThinned = 1000

// A summary is what the server knows of a metric; NaN is what it does not say.
type summary struct {
	least, largest float64
	last           *int64 // step of the current value, or the highest that is shown

	before    *int64 // step of the point before
	stride    int64  // between the first two steps that are shown
	irregular bool   // others are further apart, or less
}

// thinned reports whether the server shows fewer points of a metric than it was
// given. Where steps are missing between the points, the summary is asked for, once for
// an experiment that does not run any more.
func (u *experimentUnit) thinned(ctx context.Context, c *packed.Points, name string) (bool, error) {
	s := c.Series[name]
	if s.N >= serverCap {
		return true, nil
	}
	if s.N < leastThinned || !s.Gaps() || u.l.Running {
		return false, nil
	}
	if err := u.summarise(ctx); err != nil {
		return false, err
	}
	shown := summary{least: math.NaN(), largest: math.NaN()}
	next := s.All(c)
	for p := next(); p != nil; p = next() {
		shown.take(p.Value.Float64())
		if p.Step.OK {
			shown.step(p.Step.V)
		}
	}
	known, ok := u.summaries[name]
	return ok && known.beyond(&shown) || shown.irregular && isRoundLimit(s.N), nil
}

// isRoundLimit reports whether n is a number of points that people choose for a limit: a
// thousand, or one less.
func isRoundLimit(n int) bool { return n%1000 == 0 || n%1000 == 999 }

// step takes the next step that is shown.
func (s *summary) step(v int64) {
	if s.before == nil {
		s.before, s.last = &v, new(v)
		return
	}
	by := v - *s.before
	if s.stride == 0 {
		s.stride = by
	}
	s.irregular = s.irregular || by != s.stride && by != 0
	*s.before, *s.last = v, max(*s.last, v)
}

// take widens the summary by a value, if it is a number.
func (s *summary) take(v float64, ok bool) {
	if !ok || math.IsNaN(v) {
		return
	}
	if !(s.least <= v) {
		s.least = v
	}
	if !(s.largest >= v) {
		s.largest = v
	}
}

// beyond reports whether the summary has values or a step that what is shown lacks.
// Servers may print its values with fewer digits.
func (s *summary) beyond(shown *summary) bool {
	over := func(a, b float64) bool { return a-b > 1e-5*max(math.Abs(a), math.Abs(b)) }
	return over(shown.least, s.least) || over(s.largest, shown.largest) ||
		s.last != nil && shown.last != nil && *s.last > *shown.last
}

// summarise reads the summaries of the metrics. A value that cannot be parsed is
// ignored.
func (u *experimentUnit) summarise(ctx context.Context) error {
	if u.summaries != nil {
		return nil
	}
	u.summaries = make(map[string]summary)
	err := u.x.client.Metrics.Each(direct(ctx), u.l.Key, func() { clear(u.summaries) }, func(v *comet.Value) error {
		u.summaries[strings.Clone(v.Name)] = summary{least: numberOf(v.Min.Value), largest: numberOf(v.Max.Value), last: v.Current.Step}
		return nil
	})
	if err != nil && judge.Fatal(err) {
		return err
	}
	return nil
}

func numberOf(text *string) float64 {
	if text == nil {
		return math.NaN()
	}
	return number(*text)
}
