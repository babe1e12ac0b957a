package metric

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
)

// A Thinning is what a server of some moods shows of a series.
type Thinning struct {
	Limit   int    // at most so many points, 0 for all
	end     string // "first" or "last": those at this end; else spread over all
	stride  int    // each of so many, 0 or 1 for all
	perStep string // "last": that one of a step and context
}

// ThinningOf returns what a server of these moods leaves.
func ThinningOf(m *mood.Moods) Thinning {
	return Thinning{Limit: m.MetricCap, end: m.MetricCapEnd, stride: m.MetricStride, perStep: m.OnePerStep}
}

// EachKept calls f, until it returns false, with the points that are shown. Those
// of a limit are the first, the last, the least, the greatest and the current one,
// and others evenly spread over them in the order of time. The points come in
// order of arrival.
func (s *Series) EachKept(v Thinning, f func(p *Point) bool) {
	var keep []bool
	switch {
	case v.perStep == "last":
		keep = s.lastPerStep()
	case v.stride > 1:
		keep = make([]bool, s.Len())
		for i := 0; i < len(keep); i += v.stride {
			keep[i] = true
		}
	case v.Limit > 0 && s.Len() > v.Limit && v.end != "":
		keep = s.endKeepers(v.Limit, v.end == "last")
	case v.Limit > 0 && s.Len() > v.Limit:
		keep = s.keepers(v.Limit)
	default:
		s.Each(f)
		return
	}
	i := 0
	s.Each(func(p *Point) bool {
		kept := keep[i]
		i++
		return !kept || f(p)
	})
}

// stepAt is what there is one point of where a server keeps one of each step.
type stepAt struct {
	step    int64
	context uint32
}

// lastPerStep marks the last point of each step and context, and all that have no
// step.
func (s *Series) lastPerStep() []bool {
	keep := make([]bool, 0, s.Len())
	found := make(map[stepAt]int)
	s.Each(func(p *Point) bool {
		keep = append(keep, true)
		if p.HasStep {
			at := stepAt{p.Step, p.Context}
			if old, known := found[at]; known {
				keep[old] = false
			}
			found[at] = len(keep) - 1
		}
		return true
	})
	return keep
}

// HasStep reports whether a point with step and context of p came before, and
// remembers those of p.
func (s *Series) HasStep(p *Point) bool {
	if !p.HasStep {
		return false
	}
	if s.steps == nil {
		s.steps = make(map[stepAt]struct{})
		s.Each(func(q *Point) bool {
			s.steps[stepAt{q.Step, q.Context}] = struct{}{}
			return true
		})
	}
	at := stepAt{p.Step, p.Context}
	_, known := s.steps[at]
	s.steps[at] = struct{}{}
	return known
}

// endKeepers marks the first or the last points in the order of time.
func (s *Series) endKeepers(limit int, last bool) []bool {
	_, order := s.inTime()
	if last {
		order = order[len(order)-limit:]
	}
	keep := make([]bool, s.Len())
	for _, i := range order[:limit] {
		keep[i] = true
	}
	return keep
}

// inTime returns the points, and their indexes in the order of time.
func (s *Series) inTime() (points []Point, order []int) {
	points = s.points()
	order = make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return points[a].byTime(&points[b]) })
	return points, order
}

// keepers marks the points to keep, by order of arrival.
func (s *Series) keepers(limit int) []bool {
	points, order := s.inTime()
	keep := make([]bool, len(points))
	left := limit
	mark := func(i int) {
		if !keep[i] && left > 0 {
			keep[i] = true
			left--
		}
	}
	mark(order[0])
	mark(order[len(order)-1])
	for _, i := range s.extremes(points) {
		mark(i)
	}
	spread(order, keep, left)
	return keep
}

// extremes are the indexes of the points that the summary shows.
func (s *Series) extremes(points []Point) []int {
	sum := s.Summary()
	var found []int
	for _, want := range []Point{sum.Min, sum.Max, sum.newest, sum.last} {
		for i := len(points) - 1; i >= 0; i-- {
			if points[i] == want {
				found = append(found, i)
				break
			}
		}
	}
	return found
}

// spread marks n more of the points in order, evenly.
func spread(order []int, keep []bool, n int) {
	free := make([]int, 0, len(order))
	for _, i := range order {
		if !keep[i] {
			free = append(free, i)
		}
	}
	for k := range n {
		keep[free[k*len(free)/n]] = true
	}
}
