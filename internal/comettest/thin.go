package comettest

import (
	"slices"
)

// kept calls f, until it returns false, with the points a server gives that
// keeps at most limit of them: the first, the last, the least, the greatest
// and the current one, and others evenly spread over them in the order of
// time. A limit of 0 keeps all. The points come in order of arrival.
func (s *series) kept(limit int, f func(p *point) bool) {
	if limit <= 0 || s.len() <= limit {
		s.each(f)
		return
	}
	keep := s.keepers(limit)
	i := 0
	s.each(func(p *point) bool {
		kept := keep[i]
		i++
		return !kept || f(p)
	})
}

// keepers marks the points to keep, by order of arrival.
func (s *series) keepers(limit int) []bool {
	points := make([]point, 0, s.len())
	s.each(func(p *point) bool {
		points = append(points, *p)
		return true
	})
	order := make([]int, len(points)) // ranks by time
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
func (s *series) keptLen(limit int) int {
	if limit <= 0 {
		return s.len()
	}
	return min(s.len(), limit)
}
