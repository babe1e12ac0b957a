// Package metric holds metric points: packed in few bytes, with what a server says and
// shows of them, and as it writes them.
package metric

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
)

// Point is one metric point. Its context is an index into the contexts of its
// experiment; 0 is none.
type Point struct {
	Value    Value
	Time     int64
	Step     int64
	Epoch    int64
	offset   int64 // how many points of the series came before
	Context  uint32
	HasStep  bool
	HasEpoch bool
}

// Series is one metric of an experiment: first its synthetic points, if any,
// then those that came, packed row by row in order of arrival. Rows are only
// ever appended, so that a copy of the struct is a snapshot.
type Series struct {
	Name   string
	Synth  *Synthetic
	packed []byte
	count  int // of packed rows
	last   Point
	sum    Summary
	seen   map[uint64]struct{} // hashes of all points, while duplicates merge
	steps  map[stepAt]struct{} // of all points, while the first of each is kept
}

const (
	headForm    = 0x07
	headStep    = 0x08
	headEpoch   = 0x10
	headContext = 0x20 // differs from that of the row before
)

// Len is the number of all points.
func (s *Series) Len() int { return s.count + s.Synth.len() }

// Add appends p. With merge, a point equal to an earlier one is dropped.
func (s *Series) Add(p *Point, merge bool) {
	if merge && !s.first(p) {
		return
	}
	if !merge && s.seen != nil {
		s.seen = nil
	}
	if s.Synth != nil && s.count == 0 {
		s.sum = s.Synth.summary()
	}
	p.offset = int64(s.Len())
	s.pack(p)
	s.sum.add(p)
}

func (s *Series) pack(p *Point) {
	head := byte(p.Value.form)
	if p.HasStep {
		head |= headStep
	}
	if p.HasEpoch {
		head |= headEpoch
	}
	if p.Context != s.last.Context {
		head |= headContext
	}
	b := append(s.packed, head)
	b = binary.AppendVarint(b, p.Time-s.last.Time)
	if p.HasStep {
		b = binary.AppendVarint(b, p.Step-s.last.Step)
		s.last.Step = p.Step
	}
	if p.HasEpoch {
		b = binary.AppendVarint(b, p.Epoch-s.last.Epoch)
		s.last.Epoch = p.Epoch
	}
	if head&headContext != 0 {
		b = binary.AppendUvarint(b, uint64(p.Context))
	}
	s.packed = p.Value.appendPacked(b)
	s.last.Time, s.last.Context = p.Time, p.Context
	s.count++
}

// Snapshot returns a copy that can be read while points are added to s.
func (s *Series) Snapshot() *Series {
	c := *s
	c.seen, c.steps = nil, nil
	return &c
}

// points are all of them in order of arrival.
func (s *Series) points() []Point {
	points := make([]Point, 0, s.Len())
	s.Each(func(p *Point) bool {
		points = append(points, *p)
		return true
	})
	return points
}

// Each calls f with the points in order of arrival until it returns false.
func (s *Series) Each(f func(p *Point) bool) {
	if s.Synth != nil && !s.Synth.each(f) {
		return
	}
	p := Point{offset: int64(s.Synth.len())}
	for b := s.packed; len(b) > 0; p.offset++ {
		b = p.unpack(b)
		if !f(&p) {
			return
		}
	}
}

// unpack reads the row at the start of b into p, which holds the row before.
func (p *Point) unpack(b []byte) []byte {
	head := b[0]
	b = b[1:]
	p.Time += varint(&b)
	if p.HasStep = head&headStep != 0; p.HasStep {
		p.Step += varint(&b)
	}
	if p.HasEpoch = head&headEpoch != 0; p.HasEpoch {
		p.Epoch += varint(&b)
	}
	if head&headContext != 0 {
		u, n := binary.Uvarint(b)
		p.Context, b = uint32(u), b[n:]
	}
	p.Value = Value{form: valueForm(head & headForm)}
	switch p.Value.form {
	case formInt:
		p.Value.bits = uint64(varint(&b))
	case formText:
		u, n := binary.Uvarint(b)
		p.Value.text = string(b[n : n+int(u)])
		b = b[n+int(u):]
	default:
		p.Value.bits = binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	return b
}

func varint(b *[]byte) int64 {
	v, n := binary.Varint(*b)
	*b = (*b)[n:]
	return v
}

var pointSeed = maphash.MakeSeed()

// first reports whether no point equal to p came before, and remembers p.
func (s *Series) first(p *Point) bool {
	if s.seen == nil {
		s.seen = make(map[uint64]struct{}, s.Len())
		s.Each(func(q *Point) bool {
			s.seen[q.hash()] = struct{}{}
			return true
		})
	}
	h := p.hash()
	if _, ok := s.seen[h]; ok {
		return false
	}
	s.seen[h] = struct{}{}
	return true
}

// hash is one over all fields of p, the value by its number where it is one.
func (p *Point) hash() uint64 {
	var buf [64]byte
	b := binary.LittleEndian.AppendUint64(buf[:0], uint64(p.Time))
	b = binary.LittleEndian.AppendUint32(b, p.Context)
	if p.HasStep {
		b = binary.LittleEndian.AppendUint64(append(b, 's'), uint64(p.Step))
	}
	if p.HasEpoch {
		b = binary.LittleEndian.AppendUint64(append(b, 'e'), uint64(p.Epoch))
	}
	if f, ok := p.Value.Number(); ok {
		b = binary.LittleEndian.AppendUint64(append(b, 'n'), math.Float64bits(f))
	} else {
		b = p.Value.appendTo(append(b, 't'))
	}
	return maphash.Bytes(pointSeed, b)
}

// byTime orders points by (time, step); no step is first.
func (p *Point) byTime(q *Point) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), compareOptional(p.Step, p.HasStep, q.Step, q.HasStep))
}

// compareOptional orders two numbers, one that is absent first.
func compareOptional(a int64, haveA bool, b int64, haveB bool) int {
	switch {
	case haveA && haveB:
		return cmp.Compare(a, b)
	case haveA:
		return 1
	case haveB:
		return -1
	}
	return 0
}

// later reports whether p is at least as new as q by (step, time).
func (p *Point) later(q *Point) bool {
	return cmp.Or(compareOptional(p.Step, p.HasStep, q.Step, q.HasStep), cmp.Compare(p.Time, q.Time)) >= 0
}

// Summary is that of all points.
func (s *Series) Summary() Summary {
	if s.Synth != nil && s.count == 0 {
		return s.Synth.summary()
	}
	return s.sum
}

// Summary is what metrics/summary says of a series.
type Summary struct {
	Min, Max Point
	newest   Point // by (step, time)
	last     Point // to come
	Any      bool
}

// Current is the value that a server of these moods takes for the current one.
func (s *Summary) Current(m *mood.Moods) Point {
	if m.CurrentIsLast {
		return s.last
	}
	return s.newest
}

func (s *Summary) add(p *Point) {
	if !s.Any {
		s.Min, s.Max, s.newest, s.last, s.Any = *p, *p, *p, *p, true
		return
	}
	s.last = *p
	if c := p.Value.Compare(s.Min.Value, -1); c < 0 || c == 0 && p.byTime(&s.Min) < 0 {
		s.Min = *p
	}
	if c := p.Value.Compare(s.Max.Value, 1); c > 0 || c == 0 && p.byTime(&s.Max) < 0 {
		s.Max = *p
	}
	if p.later(&s.newest) {
		s.newest = *p
	}
}

// Compare orders values for the summary: numbers by size, and before them, as
// candidates, come neither NaN nor text. end is -1 when the least is wanted,
// 1 when the greatest.
func (v Value) Compare(w Value, end int) int {
	f, fok := v.Number()
	g, gok := w.Number()
	if r := rank(g, gok) - rank(f, fok); r != 0 {
		return r * end
	}
	switch {
	case !fok:
		return strings.Compare(v.text, w.text)
	case f < g:
		return -1
	case f > g:
		return 1
	}
	return 0
}

func rank(f float64, ok bool) int {
	switch {
	case !ok:
		return 2
	case math.IsNaN(f):
		return 1
	}
	return 0
}

// ContextName is the context of that index in a list, nil for 0.
func ContextName(contexts []string, i uint32) *string {
	if i == 0 {
		return nil
	}
	return &contexts[i-1]
}

// Optional is a step or an epoch as JSON has it.
func Optional(v int64, have bool) *int64 {
	if !have {
		return nil
	}
	return &v
}
