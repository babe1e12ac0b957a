package gate

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// coded writes a pace as words of 64 bits, or reads it. Both go through the same
// fields, so that they can't differ.
type coded struct {
	words   []byte
	reading bool
	bad     bool // what was read makes no sense
	now     time.Time
}

// codedSize is how many bytes a pace takes: a checksum, fields with room for more, and
// the marks.
const codedSize = 8 * (1 + 39 + 2*fullHistory)

// longestShut is how long a server may be waited for. Each gate has a limit of its own.
const longestShut = 366 * 24 * time.Hour

// encode returns a pace, with a checksum.
func encode(p *pace) []byte {
	c := coded{words: make([]byte, 8, codedSize)}
	p.code(&c)
	b := c.words[:codedSize]
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[8:]))
	return b
}

// decode reads a pace, and reports whether it makes sense now. If not, p is not
// to be used.
func decode(b []byte, p *pace, now time.Time) bool {
	if len(b) != codedSize || binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[8:]) {
		return false
	}
	c := coded{words: b[8:], reading: true, now: now}
	p.code(&c)
	return !c.bad && (p.rate == 0 && p.learnt == 0 || p.rate >= leastRate) && max(p.rate, p.best) <= mostRate
}

func (p *pace) code(c *coded) {
	c.flags(&p.limited, &p.unsure, &p.again)
	c.times(longestShut, &p.shut)
	c.times(2*probeTime, &p.probing, &p.due)
	c.times(time.Second, &p.began, &p.previous, &p.ended)
	c.numbers(&p.debt, &p.rate, &p.best, &p.burst)
	c.counts(&p.learnt, &p.run)
	c.durations(&p.rest, &p.gap)
	p.taken.code(c)
	p.climb.code(c)
}

func (h *history) code(c *coded) {
	n := len(h.marks)
	c.counts(&h.total, &h.stride, &n)
	if c.reading {
		h.marks = make([]mark, min(n, fullHistory))
	}
	for i := range h.marks {
		c.times(time.Second, &h.marks[i].at)
		c.counts(&h.marks[i].total)
	}
}

func (c *climb) code(to *coded) {
	to.flags(&c.on, &c.sure)
	to.times(time.Second, &c.since, &c.ended)
	to.numbers(&c.doubt, &c.before, &c.usual, &c.spread)
	to.counts(&c.taken, &c.runs, &c.early, &c.patience)
}

// word is the next word: the one given, or one that is read and must not be more than
// most.
func (c *coded) word(w, most uint64) uint64 {
	if !c.reading {
		c.words = binary.LittleEndian.AppendUint64(c.words, w)
		return w
	}
	if len(c.words) < 8 {
		c.bad = true
		return 0
	}
	w, c.words = binary.LittleEndian.Uint64(c.words), c.words[8:]
	if w > most {
		c.bad = true
		return 0
	}
	return w
}

func (c *coded) counts(counts ...*int) {
	for _, n := range counts {
		*n = int(c.word(uint64(*n), math.MaxInt32))
	}
}

func (c *coded) durations(durations ...*time.Duration) {
	for _, d := range durations {
		*d = time.Duration(c.word(uint64(*d), math.MaxInt64))
	}
}

func (c *coded) numbers(numbers ...*float64) {
	for _, x := range numbers {
		*x = math.Float64frombits(c.word(math.Float64bits(*x), math.Float64bits(math.MaxFloat64)))
	}
}

func (c *coded) flags(flags ...*bool) {
	for _, b := range flags {
		var w uint64
		if *b {
			w = 1
		}
		*b = c.word(w, 1) == 1
	}
}

// times codes times that are at most so far ahead, or zero.
func (c *coded) times(ahead time.Duration, times ...*time.Time) {
	for _, t := range times {
		var w uint64
		if !t.IsZero() {
			w = uint64(t.UnixNano())
		}
		w = c.word(w, uint64(max(c.now.Add(ahead).UnixNano(), 0)))
		if *t = time.Unix(0, int64(w)); w == 0 {
			*t = time.Time{}
		}
	}
}
