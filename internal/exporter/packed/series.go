package packed

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/stream"
)

// maxStrays is how many points that came out of order are kept until they are
// sorted and packed together.
const maxStrays = 256

// seriesCost stands for what a series takes besides its points.
const seriesCost = 512

// A Points holds the points of several metrics of one experiment, in the
// order in which the stream wants them, in few bytes.
type Points struct {
	Series   map[string]*series
	latest   *series // that took the last point, which most often takes the next
	contexts contextTable
	Size     int64 // bytes of memory, about
}

// series holds the points of one metric: those that came in order in one pack,
// and the others in further packs, each of them sorted.
type series struct {
	name   string
	main   pack
	strays []stream.Point
	sorted []*pack
	N      int

	steps       int // points that have one
	first, last int64
}

// New returns one with nothing in it.
func New() *Points {
	return &Points{Series: make(map[string]*series), contexts: newContextTable()}
}

// Names returns the metrics in the order of the stream.
func (c *Points) Names() []string { return slices.Sorted(maps.Keys(c.Series)) }

// Add takes a point of a metric. The point's texts are copied.
func (c *Points) Add(name string, p *stream.Point) {
	s := c.of(name)
	before := len(c.contexts.list)
	s.add(p, c)
	if len(c.contexts.list) > before {
		c.Size += 64 + int64(len(p.Context.V))
	}
}

// of returns the series of a name, which is made if it is new.
func (c *Points) of(name string) *series {
	if c.latest != nil && c.latest.name == name {
		return c.latest
	}
	s := c.Series[name]
	if s == nil {
		s = &series{name: name}
		c.Series[name] = s
		c.Size += seriesCost + int64(len(name))
	}
	c.latest = s
	return s
}

// Drop frees the points of a metric.
func (c *Points) Drop(name string) {
	delete(c.Series, name)
	c.latest = nil
}

// Gaps reports whether there are fewer points than steps between the first and the
// last, or points without a step, so that some may be missing between them.
func (s *series) Gaps() bool {
	return s.steps < s.N || uint64(s.last-s.first) >= uint64(s.steps)
}

func (s *series) add(p *stream.Point, c *Points) {
	s.N++
	if p.Step.OK {
		if s.steps == 0 {
			s.first, s.last = p.Step.V, p.Step.V
		}
		s.steps++
		s.first, s.last = min(s.first, p.Step.V), max(s.last, p.Step.V)
	}
	if s.main.upTo(p) {
		c.Size += int64(s.main.add(p, &c.contexts))
		return
	}
	if len(s.strays) == cap(s.strays) {
		c.Size += int64(max(1, len(s.strays))) * 128
	}
	s.strays = append(s.strays, Own(p))
	if len(s.strays) == maxStrays {
		s.flush(c)
	}
}

// Own returns a copy of p that shares no memory with others.
func Own(p *stream.Point) stream.Point {
	q := *p
	q.Extra = slices.Clone(p.Extra)
	return q
}

// flush packs the strays. A pack goes on as long as the order holds, so that
// points which are in order but for the first few do not end in many packs.
func (s *series) flush(c *Points) {
	if len(s.strays) == 0 {
		return
	}
	stream.SortPoints(s.strays)
	var to *pack
	if last := len(s.sorted) - 1; last >= 0 && s.sorted[last].upTo(&s.strays[0]) {
		to = s.sorted[last]
	} else {
		to = new(pack)
		s.sorted = append(s.sorted, to)
		c.Size += 256
	}
	for i := range s.strays {
		c.Size += int64(to.add(&s.strays[i], &c.contexts))
	}
	clear(s.strays)
	s.strays = s.strays[:0]
}

// Records yields the points of a metric as records. A record is valid until
// the next.
func (c *Points) Records(name string, yield func(*stream.Metrics) error) error {
	s := c.Series[name]
	next := s.All(c)
	buf := make([]stream.Point, 0, min(s.N, stream.MaxPoints))
	for {
		p := next()
		if p != nil {
			buf = append(buf, *p)
		}
		if len(buf) == stream.MaxPoints || p == nil {
			for m := range stream.SplitMetrics(name, buf) {
				if err := yield(m); err != nil {
					return err
				}
			}
			buf = buf[:0]
		}
		if p == nil {
			return nil
		}
	}
}

// All returns a function that yields all points of s in order, nil at the end.
// A point is valid until the next.
func (s *series) All(c *Points) func() *stream.Point {
	s.flush(c)
	return s.merged(&c.contexts)
}

// merged returns a function that yields all points of s in order, nil at the
// end. Of equal points those of the main pack came first, then those of the
// others, pack by pack.
func (s *series) merged(contexts *contextTable) func() *stream.Point {
	m := make(merge, 0, 1+len(s.sorted))
	for i, k := range append([]*pack{&s.main}, s.sorted...) {
		if r := k.reader(contexts); r.next() {
			m = append(m, merging{r, i})
		}
	}
	heap.Init(&m)
	started := false
	return func() *stream.Point {
		if started && len(m) > 0 {
			if m[0].next() {
				if len(m) > 1 {
					heap.Fix(&m, 0)
				}
			} else {
				heap.Pop(&m)
			}
		}
		started = true
		if len(m) == 0 {
			return nil
		}
		return &m[0].point
	}
}

// merge is a heap of packs by their next point.
type merge []merging

type merging struct {
	*packReader
	rank int
}

func (m merge) Len() int { return len(m) }
func (m merge) Less(i, j int) bool {
	return cmp.Or(m[i].point.Position().Compare(m[j].point.Position()), cmp.Compare(m[i].rank, m[j].rank)) < 0
}
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(v any)   { *m = append(*m, v.(merging)) }
func (m *merge) Pop() any {
	old := *m
	last := old[len(old)-1]
	*m = old[:len(old)-1]
	return last
}
