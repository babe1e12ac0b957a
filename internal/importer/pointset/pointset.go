package pointset

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/thin"
	"github.com/comet-stream/comet-stream/stream"
)

// A Hash stands for a metric point in comparisons: for all of its fields,
// the value by its number. Two different points have the same hash once in
// 2^64 pairs.
type Hash uint64

// The memory of a set, in bytes: of a point, and of a series besides its name.
const (
	HashSize   = 8
	SeriesSize = 160
)

// Hasher computes the hashes of points, which is quickest for one metric after
// the other. It is for one goroutine.
type Hasher struct {
	metric      string
	name        uint64
	context     string
	contextHash uint64
	buf         [7 * 8]byte
}

var pointSeed = maphash.MakeSeed()

// NewHasher returns a hasher for the points of a metric.
func NewHasher(metric string) *Hasher {
	return &Hasher{metric: metric, name: maphash.String(pointSeed, metric), contextHash: maphash.String(pointSeed, "")}
}

// Use changes to another metric.
func (h *Hasher) Use(metric string) {
	if h.metric != metric {
		h.metric, h.name = metric, maphash.String(pointSeed, metric)
	}
}

// Flags of a hash.
const (
	hashHasTime = 1 << iota
	hashHasStep
	hashHasEpoch
	hashIsText // the value is not a number
	hashNull
)

// Point returns the hash of a point as it is to be written. No context and an
// empty one are the same here: servers may turn one into the other.
func (h *Hasher) Point(p *stream.Point) Hash {
	return h.sum(p.Value, p.Time, p.Step, p.Epoch, p.Context.V)
}

// Existing returns the hash of a point that the destination has.
func (h *Hasher) Existing(p *comet.Point) Hash {
	v := stream.Value{}
	if p.Kind != comet.NullValue && p.Kind != comet.NoValue {
		v = stream.TextValue(p.Value)
	}
	context := ""
	if p.Context != nil {
		context = *p.Context
	}
	return h.sum(v, Int64(p.Time), Int64(p.Step), Int64(p.Epoch), context)
}

// Sample returns what is kept of a point in a sample.
func (h *Hasher) Sample(p *stream.Point, hash Hash) thin.Point {
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

// WithoutEpoch is Point without the epoch, which summaries of metrics do not tell.
func (h *Hasher) WithoutEpoch(p *stream.Point) Hash {
	return h.sum(p.Value, p.Time, p.Step, stream.Int64{}, p.Context.V)
}

// Int64 returns an integer of a server as a stream has it.
func Int64(i comet.Int) stream.Int64 {
	return stream.Int64{V: i.N, OK: i.OK}
}

func (h *Hasher) sum(v stream.Value, time, step, epoch stream.Int64, context string) Hash {
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
	return Hash(maphash.Bytes(pointSeed, h.buf[:]))
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

// A Digest identifies a multiset of points, whatever their order.
type Digest struct {
	N   int64
	Sum uint64
}

func (d *Digest) Add(h Hash) {
	d.N++
	// Mixed, so that the sum of other hashes is another one even for hashes
	// that are near each other.
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	d.Sum += x ^ x>>31
}

// bucketBits is how many bits hashes of one bucket begin with.
const bucketBits = 6

// A Set is the multiset of points that the destination has of an
// experiment, at 8 bytes for a point. It is filled with Add, then sealed, then
// points are taken out of it.
type Set struct {
	Digest  Digest
	buckets [1 << bucketBits]bucket
	Series  map[string]*Series
}

// Series is what the destination has of one metric.
type Series struct {
	Digest Digest
	Taken  int64
	Last   stream.Position // of the latest point
}

// A bucket holds the hashes that begin with the same bits, sorted once it is
// sealed, equal ones one after the other. Of equal ones the first are taken
// first.
type bucket struct {
	hashes []Hash
	taken  []uint64 // a bit for each
}

// New returns a set without points.
func New() *Set { return &Set{Series: make(map[string]*Series)} }

func (s *Set) bucketOf(h Hash) *bucket { return &s.buckets[h>>(64-bucketBits)] }

// Add puts a point of the series in. The set must not be sealed.
func (s *Set) Add(t *Series, h Hash, at stream.Position) {
	b := s.bucketOf(h)
	b.hashes = append(b.hashes, h)
	s.Digest.Add(h)
	if t.Digest.N == 0 || at.Compare(t.Last) > 0 {
		t.Last = at
	}
	t.Digest.Add(h)
}

// Of returns the series of a name, which is made if it is new.
func (s *Set) Of(name string) *Series {
	t := s.Series[name]
	if t == nil {
		t = new(Series)
		s.Series[name] = t
	}
	return t
}

func (s *Set) Seal() {
	for i := range s.buckets {
		b := &s.buckets[i]
		slices.Sort(b.hashes)
		b.taken = make([]uint64, (len(b.hashes)+63)/64)
	}
}

// find returns where h is, or would be. Hashes are spread evenly, so that its share
// of their range says where about that is.
func (b *bucket) find(h Hash) int {
	about, _ := bits.Mul64(uint64(h)<<bucketBits, uint64(len(b.hashes)))
	from, to := int(about), int(about)
	for step := 16; from > 0 && b.hashes[from-1] >= h; step *= 2 {
		from = max(0, from-step)
	}
	for step := 16; to < len(b.hashes) && b.hashes[to] < h; step *= 2 {
		to = min(to+step, len(b.hashes))
	}
	i, _ := slices.BinarySearch(b.hashes[from:to], h)
	return from + i
}

// Take takes one point out. known is false if the set has never had such a
// point; known without ok means that all like it have been taken.
func (s *Set) Take(h Hash) (ok, known bool) {
	b := s.bucketOf(h)
	from := b.find(h)
	if from == len(b.hashes) || b.hashes[from] != h {
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

// TakeSame takes out what has been taken out of an earlier reading of the same
// experiment.
func (s *Set) TakeSame(old *Set) {
	for i := range old.buckets {
		b := &old.buckets[i]
		for j, h := range b.hashes {
			if b.isTaken(j) {
				s.Take(h)
			}
		}
	}
	for name, t := range old.Series {
		s.Of(name).Taken = t.Taken
	}
}
