package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
)

// A showing is what a server of some moods shows of a series.
type showing struct {
	limit   int    // at most so many points, 0 for all
	end     string // "first" or "last": those at this end; else spread over all
	stride  int    // each of so many, 0 or 1 for all
	perStep string // "last": that one of a step and context
}

// showingOf returns what a server of these moods shows.
func showingOf(m *mood.Moods) showing {
	return showing{limit: m.MetricCap, end: m.MetricCapEnd, stride: m.MetricStride, perStep: m.OnePerStep}
}

// kept calls f, until it returns false, with the points that are shown. Those
// of a limit are the first, the last, the least, the greatest and the current one,
// and others evenly spread over them in the order of time. The points come in
// order of arrival.
func (s *series) kept(v showing, f func(p *point) bool) {
	var keep []bool
	switch {
	case v.perStep == "last":
		keep = s.lastPerStep()
	case v.stride > 1:
		keep = make([]bool, s.len())
		for i := 0; i < len(keep); i += v.stride {
			keep[i] = true
		}
	case v.limit > 0 && s.len() > v.limit && v.end != "":
		keep = s.endKeepers(v.limit, v.end == "last")
	case v.limit > 0 && s.len() > v.limit:
		keep = s.keepers(v.limit)
	default:
		s.each(f)
		return
	}
	i := 0
	s.each(func(p *point) bool {
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
func (s *series) lastPerStep() []bool {
	keep := make([]bool, 0, s.len())
	found := make(map[stepAt]int)
	s.each(func(p *point) bool {
		keep = append(keep, true)
		if p.hasStep {
			at := stepAt{p.step, p.context}
			if old, known := found[at]; known {
				keep[old] = false
			}
			found[at] = len(keep) - 1
		}
		return true
	})
	return keep
}

// hasStep reports whether a point with step and context of p came before, and
// remembers those of p.
func (s *series) hasStep(p *point) bool {
	if !p.hasStep {
		return false
	}
	if s.steps == nil {
		s.steps = make(map[stepAt]struct{})
		s.each(func(q *point) bool {
			s.steps[stepAt{q.step, q.context}] = struct{}{}
			return true
		})
	}
	at := stepAt{p.step, p.context}
	_, known := s.steps[at]
	s.steps[at] = struct{}{}
	return known
}

// endKeepers marks the first or the last points in the order of time.
func (s *series) endKeepers(limit int, last bool) []bool {
	_, order := s.inTime()
	if last {
		order = order[len(order)-limit:]
	}
	keep := make([]bool, s.len())
	for _, i := range order[:limit] {
		keep[i] = true
	}
	return keep
}

// inTime returns the points, and their indexes in the order of time.
func (s *series) inTime() (points []point, order []int) {
	points = make([]point, 0, s.len())
	s.each(func(p *point) bool {
		points = append(points, *p)
		return true
	})
	order = make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case points[a].before(&points[b]):
			return -1
		case points[b].before(&points[a]):
			return 1
		}
		return 0
	})
	return points, order
}

// keepers marks the points to keep, by order of arrival.
func (s *series) keepers(limit int) []bool {
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
func (s *series) extremes(points []point) []int {
	sum := s.summary()
	var found []int
	for _, want := range []point{sum.min, sum.max, sum.newest, sum.last} {
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

// keptLen is the number of points kept calls its function with.
func (s *series) keptLen(v showing) int {
	n := 0
	s.kept(v, func(*point) bool {
		n++
		return true
	})
	return n
}
