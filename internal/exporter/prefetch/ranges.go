package prefetch

import "github.com/comet-stream/comet-stream/internal/comet"

// A large body is fetched in parts by several requests at a time, so that the
// limit of one connection is not that of the export. The rule is fixed: a body
// whose size in the list is splitSize or more is asked for in parts of partSize,
// as long as the server answers with the part that was asked for. The first large
// body finds out whether it does; the others wait for that answer, but for one
// that the reader has come to.

const (
	// partSize is how much of a large body one request asks for. It is a multiple
	// of pieceSize, so that the pieces are those of a whole body, and 16 parts fit
	// the budget.
	partSize = 4 << 20
	// splitSize is the size from which a body is fetched in parts.
	splitSize = 8 * partSize
)

// inParts reports whether large bodies are asked for in parts, if that is known.
func (of *Bodies) inParts() (parts, known bool) {
	if of.whole {
		return false, true
	}
	return of.client.Known(comet.HonoursRanges)
}

// waitsForRanges reports whether the body should wait until it is known whether the server
// honours ranges. The caller holds the queue's mu.
func (b *Body) waitsForRanges() bool {
	_, known := b.of.inParts()
	return !known && b.of.asking != nil && b.of.asking != b
}

// begin cuts a large body of which nothing has been fetched yet into parts. The
// caller holds the queue's mu.
func (b *Body) begin() {
	if b.got > 0 || b.rest.next > 0 {
		return
	}
	switch parts, known := b.of.inParts(); {
	case !known:
		b.of.asking = b
		b.cut()
	case parts:
		b.cut()
		b.rest.Open()
	default:
		b.join()
	}
}

// cut ends the first slot after a part and makes a sequence of the parts after
// it. The caller holds the queue's mu.
func (b *Body) cut() {
	b.end = partSize
	at := b.Slot.At
	b.rest = NewSequence(b.q, int((b.total-1)/partSize), func(i int) *Slot {
		from := int64(i+1) * partSize
		to := min(from+partSize, b.total)
		if i == b.rest.n-1 {
			to = b.total // also where the last part is a larger one, see join
		}
		at.piece = i + 1
		return b.part(b.q, at, from, to)
	})
}

// join makes one part of those that have not been made yet, the first slot where
// none has. The caller holds the queue's mu.
func (b *Body) join() {
	if b.rest.next == 0 {
		b.end, b.rest.n = 0, 0
		return
	}
	b.rest.n = min(b.rest.n, b.rest.next+1)
}

// noteRanges notes whether the part that was asked for came, or the whole.
func (b *Body) noteRanges(partial bool) {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	if b.rest.n == 0 {
		return // it was asked for as a whole, and goes on after a break
	}
	if _, known := b.of.inParts(); !partial || !known {
		b.of.client.Learn(comet.HonoursRanges, partial)
	}
	if !partial {
		b.join()
	} else if b.rest.next == 0 {
		b.rest.Open()
	}
	b.q.StartFetches()
}

// asked is called when a fetch has ended: others need not wait for its answer
// any more.
func (b *Body) asked() {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	if b.of.asking == b {
		b.of.asking = nil
	}
}
