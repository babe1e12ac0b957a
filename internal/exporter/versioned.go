package exporter

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
)

// versioned is what is fetched of something that has versions: its details, and then
// a slot for each of its versions. D are the details, S the slots.
type versioned[D any, S prefetch.Sequenced] struct {
	x         *Exporter
	n         int
	workspace string
	named     []string // versions or their labels; nil = all

	details  *prefetch.Value[D]
	versions prefetch.Sequence[S]
}

// start begins to fetch the details.
func (u *versioned[D, S]) start(q *prefetch.Queue, n int, fetch func(context.Context, *prefetch.Slot) (D, error)) {
	u.n = n
	u.details = prefetch.NewValue(q, prefetch.Position{Unit: n}, fetch)
	q.Push(u.details.Slot)
}

// open makes the slots of n versions, in turn, while s is fetched.
func (u *versioned[D, S]) open(s *prefetch.Slot, n int, slot func(at prefetch.Position, i int) S) error {
	return s.Fix(func() {
		u.versions = prefetch.NewSequence(s.Queue(), n, func(i int) S { return slot(prefetch.Position{Unit: u.n, Item: 1, Part: i}, i) })
		u.versions.Open()
	})
}

// end implements unit.
func (u *versioned[D, S]) end() {
	u.details.Leave()
	u.versions.Close()
}
