package prefetch

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

// rangeSupport is what a run has learnt about ranges at the server.
type rangeSupport int

const (
	rangesUnknown rangeSupport = iota
	rangesHonoured
	rangesIgnored // or not to be used
)

// ranges is guarded by the mu of the queue.
type ranges struct {
	support rangeSupport
	asking  *Body // whose answer will tell, while that is unknown
}

// waitsForRanges reports whether the body should wait until it is known whether the server
// honours ranges. The caller holds the queue's mu.
func (b *Body) waitsForRanges() bool {
	r := &b.of.ranges
	return r.support == rangesUnknown && r.asking != nil && r.asking != b
}

// begin cuts a large body of which nothing has been fetched yet into parts. The
// caller holds the queue's mu.
func (b *Body) begin() {
	r := &b.of.ranges
	if b.got > 0 || b.rest.next > 0 {
		return
	}
	switch r.support {
	case rangesIgnored:
		b.join()
	case rangesUnknown:
		r.asking = b
		b.cut()
	case rangesHonoured:
		b.cut()
		b.rest.Open()
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
		if i == b.rest.N-1 {
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
		b.end, b.rest.N = 0, 0
		return
	}
	b.rest.N = min(b.rest.N, b.rest.next+1)
}

// noteRanges notes whether the part that was asked for came, or the whole.
func (b *Body) noteRanges(partial bool) {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	if b.rest.N == 0 {
		return // it was asked for as a whole, and goes on after a break
	}
	r := &b.of.ranges
	switch {
	case !partial:
		r.support = rangesIgnored
		b.join()
	case r.support == rangesUnknown:
		r.support = rangesHonoured
	}
	if partial && b.rest.next == 0 {
		b.rest.Open()
	}
	b.q.StartFetches()
}

// asked is called when a fetch has ended: others need not wait for its answer
// any more.
func (b *Body) asked() {
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	if b.of.ranges.asking == b {
		b.of.ranges.asking = nil
	}
}
