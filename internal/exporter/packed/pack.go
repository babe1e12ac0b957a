package packed

import (
	"encoding/binary"
	"math"

	"github.com/comet-stream/comet-stream/stream"
)

// Sizes of the blocks that hold packed points. They grow, so that a metric of
// three points takes little and one of many is in few pieces.
const (
	firstPack = 256
	largePack = 32 << 10
)

// A pack holds metric points in few bytes, to be read again in the same order:
// about eleven for a typical point, where a stream.Point takes over a hundred.
// Times, steps, epochs and contexts are told by their difference to the point
// before.
type pack struct {
	blocks [][]byte
	state  packState
	n      int
}

// packState is what the coding of a point depends on.
type packState struct {
	time, step, epoch stream.Int64
	timeBy, stepBy    int64 // how far the point before was from the one before it
	context           int
	value             uint64 // bits of the last float
}

// The first byte of a point: the kind of its value, and which columns go on
// other than foreseen.
const (
	packFloat = iota
	packSame  // as the float before
	packInt
	packText
	packNull
	packFalse
	packTrue

	packValueKind = 7
	packTime      = 1 << 3
	packStep      = 1 << 4
	packEpoch     = 1 << 5
	packContext   = 1 << 6
	packExtra     = 1 << 7
)

// contextTable numbers contexts; 0 is that of points without one.
type contextTable struct {
	numbers map[stream.String]int
	list    []stream.String
}

func newContextTable() contextTable {
	none := stream.String{}
	return contextTable{map[stream.String]int{none: 0}, []stream.String{none}}
}

func (t *contextTable) number(s stream.String) int {
	n, ok := t.numbers[s]
	if !ok {
		n = len(t.list)
		t.numbers[s] = n
		t.list = append(t.list, s)
	}
	return n
}

// add appends a point. It returns by how many bytes the pack has grown.
func (k *pack) add(p *stream.Point, contexts *contextTable) int {
	var buf [64]byte
	b := k.state.append(buf[:0], p, contexts)
	k.n++
	grown := 0
	if last := len(k.blocks) - 1; last < 0 || cap(k.blocks[last])-len(k.blocks[last]) < len(b) {
		grown = firstPack
		if last >= 0 {
			grown = min(2*cap(k.blocks[last]), largePack)
		}
		grown = max(grown, len(b))
		k.blocks = append(k.blocks, make([]byte, 0, grown))
	}
	end := &k.blocks[len(k.blocks)-1]
	*end = append(*end, b...)
	return grown
}

// upTo reports whether p may follow the points of the pack.
func (k *pack) upTo(p *stream.Point) bool {
	return k.n == 0 || stream.Position{Time: k.state.time, Step: k.state.step}.Compare(p.Position()) <= 0
}

// append appends the code of a point that follows the state.
func (s *packState) append(b []byte, p *stream.Point, contexts *contextTable) []byte {
	at := len(b)
	b = append(b, 0)
	var flags byte
	flags, b = s.appendValue(b, p.Value)
	if foreseen, by := s.follow(p.Time, s.time, &s.timeBy); !foreseen {
		flags |= packTime
		b = appendDelta(b, p.Time, by)
	}
	s.time = p.Time
	if foreseen, by := s.follow(p.Step, s.step, &s.stepBy); !foreseen {
		flags |= packStep
		b = appendDelta(b, p.Step, by)
	}
	s.step = p.Step
	if p.Epoch != s.epoch {
		flags |= packEpoch
		b = appendDelta(b, p.Epoch, p.Epoch.V-s.epoch.V)
		s.epoch = p.Epoch
	}
	if p.Context != contexts.list[s.context] {
		flags |= packContext
		s.context = contexts.number(p.Context)
		b = binary.AppendUvarint(b, uint64(s.context))
	}
	if p.Extra != nil {
		flags |= packExtra
		b = append(binary.AppendUvarint(b, uint64(len(p.Extra))), p.Extra...)
	}
	b[at] = flags
	return b
}

// follow compares a number with the one that is foreseen: as far from the last
// as that was from the one before. It returns the difference to the last, and
// remembers it.
func (s *packState) follow(n, last stream.Int64, by *int64) (foreseen bool, delta int64) {
	delta = n.V - last.V
	foreseen = n.OK && last.OK && delta == *by
	if n.OK {
		*by = delta
	}
	return foreseen, delta
}

// appendDelta appends a number as its difference to the one before: 0 stands
// for an absent number, 1 announces a difference in full.
func appendDelta(b []byte, n stream.Int64, by int64) []byte {
	zigzag := uint64(by<<1) ^ uint64(by>>63)
	switch {
	case !n.OK:
		return append(b, 0)
	case zigzag > math.MaxUint64-2:
		return binary.LittleEndian.AppendUint64(append(b, 1), uint64(by))
	}
	return binary.AppendUvarint(b, zigzag+2)
}

func (s *packState) appendValue(b []byte, v stream.Value) (byte, []byte) {
	if f, number := v.Float64(); number {
		if i := int64(f); -1<<40 < i && i < 1<<40 && stream.IntValue(i) == v {
			return packInt, binary.AppendVarint(b, i)
		}
		if stream.FloatValue(f) == v {
			bits := math.Float64bits(f)
			if bits == s.value {
				return packSame, b
			}
			s.value = bits
			return packFloat, binary.LittleEndian.AppendUint64(b, bits)
		}
	}
	switch v {
	case stream.Value{}:
		return packNull, b
	case stream.BoolValue(false):
		return packFalse, b
	case stream.BoolValue(true):
		return packTrue, b
	}
	text := v.Text()
	return packText, append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// packReader reads the points of a pack in their order.
type packReader struct {
	contexts *contextTable
	blocks   [][]byte
	rest     []byte
	state    packState
	point    stream.Point
}

func (k *pack) reader(contexts *contextTable) *packReader {
	return &packReader{contexts: contexts, blocks: k.blocks}
}

// next reads the next point into r.point; false at the end.
func (r *packReader) next() bool {
	for len(r.rest) == 0 {
		if len(r.blocks) == 0 {
			return false
		}
		r.rest, r.blocks = r.blocks[0], r.blocks[1:]
	}
	p, s := &r.point, &r.state
	flags := r.rest[0]
	r.rest = r.rest[1:]
	p.Value = r.value(flags & packValueKind)
	s.time = r.number(flags&packTime != 0, s.time, &s.timeBy)
	s.step = r.number(flags&packStep != 0, s.step, &s.stepBy)
	if flags&packEpoch != 0 {
		var by int64
		s.epoch = r.number(true, s.epoch, &by)
	}
	if flags&packContext != 0 {
		s.context = int(r.uvarint())
	}
	p.Time, p.Step, p.Epoch, p.Context = s.time, s.step, s.epoch, r.contexts.list[s.context]
	p.Extra = nil
	if flags&packExtra != 0 {
		p.Extra = stream.Doc(r.bytes())
	}
	return true
}

func (r *packReader) value(kind byte) stream.Value {
	switch kind {
	case packFloat:
		r.state.value = binary.LittleEndian.Uint64(r.rest)
		r.rest = r.rest[8:]
		return stream.FloatValue(math.Float64frombits(r.state.value))
	case packSame:
		return stream.FloatValue(math.Float64frombits(r.state.value))
	case packInt:
		i, n := binary.Varint(r.rest)
		r.rest = r.rest[n:]
		return stream.IntValue(i)
	case packFalse, packTrue:
		return stream.BoolValue(kind == packTrue)
	case packText:
		return stream.TextValue(string(r.bytes()))
	}
	return stream.Value{}
}

// number reads a number that is told, or computes the one that is foreseen.
func (r *packReader) number(told bool, last stream.Int64, by *int64) stream.Int64 {
	if !told {
		return stream.NewInt64(last.V + *by)
	}
	switch u := r.uvarint(); u {
	case 0:
		return stream.Int64{}
	case 1:
		*by = int64(binary.LittleEndian.Uint64(r.rest))
		r.rest = r.rest[8:]
	default:
		u -= 2
		*by = int64(u>>1) ^ -int64(u&1)
	}
	return stream.NewInt64(last.V + *by)
}

func (r *packReader) uvarint() uint64 {
	u, n := binary.Uvarint(r.rest)
	r.rest = r.rest[n:]
	return u
}

func (r *packReader) bytes() []byte {
	n := int(r.uvarint())
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
