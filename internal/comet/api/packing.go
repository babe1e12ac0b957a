package api

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A packing chooses how bodies of JSON are compressed, by the time from the text to
// the answer for each of its bytes: on a fast wire the processor is what an import
// waits for, on a slow one the wire. It begins with the fastest level, and tries the
// one below or above now and then, ever more seldom where that takes longer. It is for
// one server, and safe for concurrent use.
type packing struct {
	mu         sync.Mutex
	level      int   // in use, an index of levels
	costs      costs // of the last bodies, in a trial of those beside it: a busy machine changes
	trialLevel int   // the level that is tried, level itself if none is
	begun      int   // bodies of the trial
	turn       bool  // the last body was one of the trial
	trial      costs
	up         bool // the trial before was of a higher level
	untilTrial int  // bodies before the next trial
	every      int  // likewise, after this one
	// left is the level that was in use before, and what it had cost, until there is
	// enough to compare that with.
	left     int
	leftCost float64
}

// costs are those of some bodies, in nanoseconds a byte.
type costs []float64

// typical returns what bodies cost that did not have to wait for others, on a machine
// that may be busy.
func (c costs) typical() float64 {
	if len(c) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(c))[len(c)*3/10]
}

// levels are those of gzip; a body of the first goes as it is.
var levels = [...]int{gzip.NoCompression, gzip.BestSpeed, 6}

const (
	levelPlain = iota
	levelFast
)

const (
	// minTrialBody is how long a body must be to say something of the wire.
	minTrialBody = 16 << 10
	// mostPlain is how long a body may be to go as it is: gateways refuse bodies of
	// a megabyte, by what they are on the wire.
	mostPlain = 512 << 10
	// A trial has so many bodies, a few at a time, and ends after eight where they take
	// many times as long.
	trialBodies, fewBodies, leastBodies = 48, 4, 8
	manyTimes, longer                   = 2.5, 1.5
	lastBodies                          = 48
	firstTrial                          = 64 // bodies before the first trial
	rarestTrial                         = 4096
	// higher and lower are what a level must take at most of the time of the one in use:
	// compression costs the processors of both sides, which others need too.
	higher, lower = 0.9, 1.05
)

func newPacking() *packing {
	return &packing{level: levelFast, trialLevel: levelFast, up: true, untilTrial: firstTrial, every: firstTrial}
}

// choose returns the level of the next body.
func (p *packing) choose() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trialLevel == p.level {
		if p.untilTrial--; p.untilTrial > 0 {
			return p.level
		}
		p.begun, p.trial, p.costs, p.turn = 0, nil, nil, false
		if p.up = !p.up; p.up && p.level+1 < len(levels) || p.level == 0 {
			p.trialLevel = p.level + 1
		} else {
			p.trialLevel = p.level - 1
		}
	}
	p.turn = !p.turn && p.begun < trialBodies && p.begun-len(p.trial) < fewBodies
	if !p.turn {
		return p.level
	}
	p.begun++
	return p.trialLevel
}

// took notes how long a body of n bytes has taken.
func (p *packing) took(level, n int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cost := float64(d) / float64(n)
	switch level {
	case p.level:
		p.costs = append(p.costs, cost)
		if n := len(p.costs) - lastBodies; n >= 0 {
			p.costs = p.costs[n:]
			p.confirm()
		}
	case p.trialLevel:
		p.trial = append(p.trial, cost)
	}
	if n := min(len(p.trial), len(p.costs)); p.trialLevel != p.level &&
		(n >= trialBodies || n >= leastBodies && p.trial.typical() > manyTimes*p.costs.typical()) {
		p.decide()
	}
}

// decide ends a trial.
func (p *packing) decide() {
	p.every = min(2*p.every, rarestTrial)
	most := lower
	if p.trialLevel > p.level {
		most = higher
	}
	if p.trial.typical() < most*p.costs.typical() {
		p.left, p.leftCost = p.level, p.costs.typical()
		p.level, p.costs = p.trialLevel, nil
	}
	p.trialLevel, p.untilTrial = p.level, p.every
}

// confirm goes back to the level before if this one takes longer now that all bodies
// have it: they share the wire.
func (p *packing) confirm() {
	switch {
	case p.leftCost == 0:
	case p.costs.typical() > longer*p.leftCost:
		p.level, p.costs = p.left, nil
		p.trialLevel, p.untilTrial = p.level, p.every
	default:
		p.every = firstTrial
	}
	p.leftCost = 0
}

// compressors are kept: each holds a large table.
var compressors = [len(levels)]sync.Pool{}

// packBody returns a body of JSON text given in pieces. A body that is not compressed
// holds the pieces themselves.
func packBody(level int, pieces [][]byte) (*Payload, error) {
	if level == levelPlain {
		b := JSONBody(nil)
		b.size = int64(length(pieces))
		b.open = func() (io.ReadCloser, error) {
			body := net.Buffers(slices.Clone(pieces)) // which reading takes from
			return io.NopCloser(&body), nil
		}
		return b, nil
	}
	var buf bytes.Buffer
	// About eight bytes of JSON become one.
	buf.Grow(512 + length(pieces)/8)
	zw, ok := compressors[level].Get().(*gzip.Writer)
	if !ok {
		zw, _ = gzip.NewWriterLevel(nil, levels[level]) // the level is valid
	}
	defer compressors[level].Put(zw)
	zw.Reset(&buf)
	for _, p := range pieces {
		if _, err := zw.Write(p); err != nil {
			return nil, err
		}
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	b := JSONBody(buf.Bytes())
	b.encoding = "gzip"
	return b, nil
}
