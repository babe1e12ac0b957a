package api

import (
	"bytes"
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
	level      int     // in use, an index of levels
	cost       float64 // of it, in nanoseconds a byte
	trialLevel int     // the level that is tried, level itself if none is
	begun      int     // bodies of the trial
	ended      int
	sum        float64 // their costs
	up         bool    // the trial before was of a higher level
	untilTrial int     // bodies before the next trial
	every      int     // likewise, after this one
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
	mostPlain   = 512 << 10
	trialBodies = 4
	firstTrial  = 32 // bodies before the first trial
	rarestTrial = 4096
	// better is what a level must take at most of the time of the one in use.
	better = 0.95
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
		p.begun, p.ended, p.sum = 0, 0, 0
		if p.up = !p.up; p.up && p.level+1 < len(levels) || p.level == 0 {
			p.trialLevel = p.level + 1
		} else {
			p.trialLevel = p.level - 1
		}
	}
	if p.begun == trialBodies {
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
		if p.cost == 0 {
			p.cost = cost
		}
		// One that had to wait says little of the others.
		p.cost += (min(cost, 4*p.cost) - p.cost) / 16
	case p.trialLevel:
		p.sum += cost
		if p.ended++; p.ended == trialBodies {
			p.decide(p.sum / trialBodies)
		}
	}
}

// decide ends a trial.
func (p *packing) decide(cost float64) {
	p.every = min(2*p.every, rarestTrial)
	if cost < better*p.cost {
		p.level, p.cost, p.every = p.trialLevel, cost, firstTrial
	}
	p.trialLevel, p.untilTrial = p.level, p.every
}

// compressors are kept: each holds a large table.
var compressors = [len(levels)]sync.Pool{}

// packBody returns a body of JSON text given in pieces, which are strings and byte
// slices.
func packBody(level int, pieces []any) (*payload, error) {
	var buf bytes.Buffer
	if level == levelPlain {
		buf.Grow(length(pieces))
		err := eachPiece(pieces, buf.Write)
		return JSONBody(buf.Bytes()), err
	}
	// About eight bytes of JSON become one.
	buf.Grow(512 + length(pieces)/8)
	zw, ok := compressors[level].Get().(*gzip.Writer)
	if !ok {
		zw, _ = gzip.NewWriterLevel(nil, levels[level]) // the level is valid
	}
	defer compressors[level].Put(zw)
	zw.Reset(&buf)
	if err := eachPiece(pieces, zw.Write); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	b := JSONBody(buf.Bytes())
	b.encoding = "gzip"
	return b, nil
}
