package prefetch

import "context"

// Growth reserves what a value has grown by since the last time, once
// that is worth it.
type Growth struct {
	q        *Queue
	s        *Slot
	reserved int64
}

// NewGrowth returns the growth of what s holds.
func NewGrowth(q *Queue, s *Slot) *Growth { return &Growth{q: q, s: s} }

// growthStep is how much a value grows between two reservations.
const growthStep = 32 << 10

func (r *Growth) To(ctx context.Context, size int64) error {
	by := size - r.reserved
	if by < growthStep {
		return nil
	}
	r.reserved = size
	return r.q.reserve(ctx, r.s, by)
}

// Reset gives back what was reserved, for a value that begins again.
func (r *Growth) Reset() {
	r.q.release(r.s, r.reserved)
	r.reserved = 0
}
