package comettest

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
)

// point is one metric point. Its context is an index into the contexts of its
// experiment; 0 is none.
type point struct {
	value   value
	time    int64
	step    int64
	epoch   int64
	offset  int64 // how many points of the series came before
	context uint32
	hasStep bool
	hasEpo  bool
}

// series is one metric of an experiment: first its synthetic points, if any,
// then those that came, packed row by row in order of arrival. Rows are only
// ever appended, so that a copy of the struct is a snapshot.
type series struct {
	name   string
	synth  *synthSeries
	packed []byte
	count  int // of packed rows
	last   point
	sum    pointSummary
	seen   map[uint64]struct{} // hashes of all points, while duplicates merge
	steps  map[stepAt]struct{} // of all points, while the first of each is kept
}

const (
	headForm    = 0x07
	headStep    = 0x08
	headEpoch   = 0x10
	headContext = 0x20 // differs from that of the row before
)

func (s *series) len() int { return s.count + s.synth.len() }

// add appends p. With merge, a point equal to an earlier one is dropped.
func (s *series) add(p *point, merge bool) {
	if merge && !s.first(p) {
		return
	}
	if !merge && s.seen != nil {
		s.seen = nil
	}
	if s.synth != nil && s.count == 0 {
		s.sum = s.synth.summary()
	}
	p.offset = int64(s.len())
	s.pack(p)
	s.sum.add(p)
}

func (s *series) pack(p *point) {
	head := byte(p.value.form)
	if p.hasStep {
		head |= headStep
	}
	if p.hasEpo {
		head |= headEpoch
	}
	if p.context != s.last.context {
		head |= headContext
	}
	b := append(s.packed, head)
	b = binary.AppendVarint(b, p.time-s.last.time)
	if p.hasStep {
		b = binary.AppendVarint(b, p.step-s.last.step)
		s.last.step = p.step
	}
	if p.hasEpo {
		b = binary.AppendVarint(b, p.epoch-s.last.epoch)
		s.last.epoch = p.epoch
	}
	if head&headContext != 0 {
		b = binary.AppendUvarint(b, uint64(p.context))
	}
	s.packed = p.value.appendPacked(b)
	s.last.time, s.last.context = p.time, p.context
	s.count++
}

// each calls f with the points in order of arrival until it returns false.
func (s *series) each(f func(p *point) bool) {
	if s.synth != nil && !s.synth.each(f) {
		return
	}
	p := point{offset: int64(s.synth.len())}
	for b := s.packed; len(b) > 0; p.offset++ {
		b = p.unpack(b)
		if !f(&p) {
			return
		}
	}
}

// unpack reads the row at the start of b into p, which holds the row before.
func (p *point) unpack(b []byte) []byte {
	head := b[0]
	b = b[1:]
	p.time += varint(&b)
	if p.hasStep = head&headStep != 0; p.hasStep {
		p.step += varint(&b)
	}
	if p.hasEpo = head&headEpoch != 0; p.hasEpo {
		p.epoch += varint(&b)
	}
	if head&headContext != 0 {
		u, n := binary.Uvarint(b)
		p.context, b = uint32(u), b[n:]
	}
	p.value = value{form: valueForm(head & headForm)}
	switch p.value.form {
	case formInt:
		p.value.bits = uint64(varint(&b))
	case formText:
		u, n := binary.Uvarint(b)
		p.value.text = string(b[n : n+int(u)])
		b = b[n+int(u):]
	default:
		p.value.bits = binary.LittleEndian.Uint64(b)
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
func (s *series) first(p *point) bool {
	if s.seen == nil {
		s.seen = make(map[uint64]struct{}, s.len())
		s.each(func(q *point) bool {
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
func (p *point) hash() uint64 {
	var buf [64]byte
	b := binary.LittleEndian.AppendUint64(buf[:0], uint64(p.time))
	b = binary.LittleEndian.AppendUint32(b, p.context)
	if p.hasStep {
		b = binary.LittleEndian.AppendUint64(append(b, 's'), uint64(p.step))
	}
	if p.hasEpo {
		b = binary.LittleEndian.AppendUint64(append(b, 'e'), uint64(p.epoch))
	}
	if f, ok := p.value.number(); ok {
		b = binary.LittleEndian.AppendUint64(append(b, 'n'), math.Float64bits(f))
	} else {
		b = p.value.appendTo(append(b, 't'))
	}
	return maphash.Bytes(pointSeed, b)
}

// before reports whether p comes before q by (time, step); no step is first.
func (p *point) before(q *point) bool {
	if p.time != q.time {
		return p.time < q.time
	}
	if p.hasStep != q.hasStep {
		return q.hasStep
	}
	return p.hasStep && p.step < q.step
}

// later reports whether p is at least as new as q by (step, time).
func (p *point) later(q *point) bool {
	if p.hasStep != q.hasStep {
		return p.hasStep
	}
	if p.hasStep && p.step != q.step {
		return p.step > q.step
	}
	return p.time >= q.time
}

// summary is that of all points.
func (s *series) summary() pointSummary {
	if s.synth != nil && s.count == 0 {
		return s.synth.summary()
	}
	return s.sum
}

// pointSummary is what metrics/summary says of a series.
type pointSummary struct {
	min, max point
	newest   point // by (step, time)
	last     point // to come
	any      bool
}

// current is the value that a server of these moods takes for the current one.
func (s *pointSummary) current(m *mood.Moods) point {
	if m.CurrentIsLast {
		return s.last
	}
	return s.newest
}

func (s *pointSummary) add(p *point) {
	if !s.any {
		s.min, s.max, s.newest, s.last, s.any = *p, *p, *p, *p, true
		return
	}
	s.last = *p
	if c := p.value.compare(s.min.value, -1); c < 0 || c == 0 && p.before(&s.min) {
		s.min = *p
	}
	if c := p.value.compare(s.max.value, 1); c > 0 || c == 0 && p.before(&s.max) {
		s.max = *p
	}
	if p.later(&s.newest) {
		s.newest = *p
	}
}

// compare orders values for the summary: numbers by size, and before them, as
// candidates, come neither NaN nor text. end is -1 when the least is wanted,
// 1 when the greatest.
func (v value) compare(w value, end int) int {
	f, fok := v.number()
	g, gok := w.number()
	if r := rank(g, gok) - rank(f, fok); r != 0 {
		return r * end
	}
	switch {
	case !fok:
		return compareText(v.text, w.text)
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

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
