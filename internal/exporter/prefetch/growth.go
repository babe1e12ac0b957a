package prefetch

import "context"

// Growth reserves what a value has grown by since the last time, once
// that is worth it.
type Growth struct {
	s        *Slot
	reserved int64
}

// NewGrowth returns the growth of what s holds.
func NewGrowth(s *Slot) *Growth { return &Growth{s: s} }

// growthStep is how much a value grows between two reservations.
const growthStep = 32 << 10

// To notes that the value has grown to a size.
func (r *Growth) To(ctx context.Context, size int64) error {
	by := size - r.reserved
	if by < growthStep {
		return nil
	}
	r.reserved = size
	return r.s.reserve(ctx, by)
}

// Reset gives back what was reserved, for a value that begins again.
func (r *Growth) Reset() {
	r.s.release(r.reserved)
	r.reserved = 0
}
