package importer

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/thin"
	"github.com/comet-stream/comet-stream/stream"
)

// A pointHash stands for a metric point in comparisons: for all of its fields,
// the value by its number. Two different points have the same hash once in
// 2^64 pairs.
type pointHash uint64

// hasher computes the hashes of points, which is quickest for one metric after
// the other. It is for one goroutine.
type hasher struct {
	metric      string
	name        uint64
	context     string
	contextHash uint64
	buf         [7 * 8]byte
}

var pointSeed = maphash.MakeSeed()

func newHasher(metric string) *hasher {
	return &hasher{metric: metric, name: maphash.String(pointSeed, metric), contextHash: maphash.String(pointSeed, "")}
}

// use changes to another metric. It reports whether it is another one.
func (h *hasher) use(metric string) bool {
	if h.metric == metric {
		return false
	}
	h.metric, h.name = metric, maphash.String(pointSeed, metric)
	return true
}

// Flags of a hash.
const (
	hashHasTime = 1 << iota
	hashHasStep
	hashHasEpoch
	hashIsText // the value is no number
	hashNull
)

// point returns the hash of a point as it is to be written. No context and an
// empty one are the same here: servers may turn one into the other.
func (h *hasher) point(p *stream.Point) pointHash {
	return h.sum(p.Value, p.Time, p.Step, p.Epoch, p.Context.V)
}

// there returns the hash of a point that the destination has.
func (h *hasher) there(p *comet.Point) pointHash {
	v := stream.Value{}
	if p.Kind != comet.NullValue && p.Kind != comet.NoValue {
		v = stream.TextValue(p.Value)
	}
	context := ""
	if p.Context != nil {
		context = *p.Context
	}
	return h.sum(v, number(p.Time), number(p.Step), number(p.Epoch), context)
}

// sample returns what is kept of a point in a sample.
func (h *hasher) sample(p *stream.Point, hash pointHash) thin.Point {
	at := p.Step
	if !at.OK {
		at = p.Time
	}
	step := uint64(at.V)
	if !p.Step.OK {
		step = ^step
	}
	return thin.Point{Step: step, InContext: step*31 ^ h.contextHash, Hash: uint64(hash), Stepless: !p.Step.OK}
}

// named is point without the epoch, which summaries of metrics do not tell.
func (h *hasher) named(p *stream.Point) pointHash {
	return h.sum(p.Value, p.Time, p.Step, stream.Int64{}, p.Context.V)
}

func number(i comet.Int) stream.Int64 {
	return stream.Int64{V: i.N, OK: i.State == comet.Present}
}

func (h *hasher) sum(v stream.Value, time, step, epoch stream.Int64, context string) pointHash {
	if context != h.context {
		h.context, h.contextHash = context, maphash.String(pointSeed, context)
	}
	var flags uint64
	field := func(at int, n stream.Int64, flag uint64) {
		if !n.OK {
			n.V = 0
		} else {
			flags |= flag
		}
		binary.LittleEndian.PutUint64(h.buf[at:], uint64(n.V))
	}
	field(0, time, hashHasTime)
	field(8, step, hashHasStep)
	field(16, epoch, hashHasEpoch)
	bits, kind := valueBits(v)
	flags |= kind
	binary.LittleEndian.PutUint64(h.buf[24:], bits)
	binary.LittleEndian.PutUint64(h.buf[32:], h.name)
	binary.LittleEndian.PutUint64(h.buf[40:], h.contextHash)
	binary.LittleEndian.PutUint64(h.buf[48:], flags)
	return pointHash(maphash.Bytes(pointSeed, h.buf[:]))
}

// valueBits returns what a value is compared by: servers print numbers in other
// ways than they got them.
func valueBits(v stream.Value) (bits, flag uint64) {
	if v.IsNull() {
		return 0, hashNull
	}
	f, ok := v.Float64()
	switch {
	case !ok:
		return maphash.String(pointSeed, v.Text()), hashIsText
	case math.IsNaN(f):
		f = math.NaN()
	case f == 0:
		f = 0 // not -0
	}
	return math.Float64bits(f), 0
}

// A digest identifies a multiset of points, whatever their order.
type digest struct {
	n   int64
	sum uint64
}

func (d *digest) add(h pointHash) {
	d.n++
	// Mixed, so that the sum of other hashes is another one even for hashes
	// that are near each other.
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	d.sum += x ^ x>>31
}

// A pointSet is the multiset of points that the destination has of an
// experiment, at 8 bytes for a point. It is filled with add, then sealed, then
// points are taken out of it.
type pointSet struct {
	digest  digest
	buckets [64]bucket
	series  map[string]*thereSeries
}

// thereSeries is what the destination has of one metric.
type thereSeries struct {
	n     int64
	taken int64
	last  pointTime // of the latest point
}

// pointTime is the place of a point in the order of the stream.
type pointTime struct{ time, step stream.Int64 }

// after reports whether p comes after q in the order (time, step), absent ones
// first.
func (p pointTime) after(q pointTime) bool {
	if p.time != q.time {
		return later(p.time, q.time)
	}
	return later(p.step, q.step)
}

func later(a, b stream.Int64) bool {
	if a.OK != b.OK {
		return a.OK
	}
	return a.V > b.V
}

// A bucket holds the hashes that begin with the same bits, sorted once it is
// sealed, equal ones one after the other. Of equal ones the first are taken
// first.
type bucket struct {
	hashes []pointHash
	taken  []uint64 // a bit for each
}

func newPointSet() *pointSet { return &pointSet{series: make(map[string]*thereSeries)} }

// bucketOf returns the bucket that a hash belongs to.
func (s *pointSet) bucketOf(h pointHash) *bucket { return &s.buckets[h>>58] }

// add puts a point of the series in. The set must not be sealed.
func (s *pointSet) add(t *thereSeries, h pointHash, at pointTime) {
	b := s.bucketOf(h)
	b.hashes = append(b.hashes, h)
	s.digest.add(h)
	if t.n == 0 || at.after(t.last) {
		t.last = at
	}
	t.n++
}

// of returns the series of a name, which is made if it is new.
func (s *pointSet) of(name string) *thereSeries {
	t := s.series[name]
	if t == nil {
		t = new(thereSeries)
		s.series[name] = t
	}
	return t
}

func (s *pointSet) seal() {
	for i := range s.buckets {
		b := &s.buckets[i]
		slices.Sort(b.hashes)
		b.taken = make([]uint64, (len(b.hashes)+63)/64)
	}
}

// take takes one point out. known is false if the set has never had such a
// point; known without ok means that all like it have been taken.
func (s *pointSet) take(h pointHash) (ok, known bool) {
	b := s.bucketOf(h)
	from, known := slices.BinarySearch(b.hashes, h)
	if !known {
		return false, false
	}
	// Most hashes are there once.
	to := from + 1
	if to < len(b.hashes) && b.hashes[to] == h {
		to, _ = slices.BinarySearch(b.hashes, h+1)
		if h+1 == 0 {
			to = len(b.hashes)
		}
	}
	for from < to {
		if mid := int(uint(from+to) >> 1); b.isTaken(mid) {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from == len(b.hashes) || b.hashes[from] != h {
		return false, true
	}
	b.taken[from/64] |= 1 << (from % 64)
	return true, true
}

func (b *bucket) isTaken(i int) bool { return b.taken[i/64]&(1<<(i%64)) != 0 }

// takeLike takes out what has been taken out of an earlier reading of the same
// experiment.
func (s *pointSet) takeLike(old *pointSet) {
	for i := range old.buckets {
		b := &old.buckets[i]
		for j, h := range b.hashes {
			if b.isTaken(j) {
				s.take(h)
			}
		}
	}
	for name, t := range old.series {
		s.of(name).taken = t.taken
	}
}
