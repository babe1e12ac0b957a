package gate

import (
	"slices"
	"time"
)

// history is when requests were taken. It is kept small: where there are many, each
// mark stands for several.
type history struct {
	marks  []mark
	total  int
	stride int // requests from mark to mark, 0: 1
}

// mark says how many requests had been taken until a time.
type mark struct {
	at    time.Time
	total int
}

// fullHistory is how many marks are kept.
const fullHistory = 256

func (h *history) add(at time.Time) {
	h.total++
	n := len(h.marks)
	if h.total%max(h.stride, 1) != 0 {
		return
	}
	if n == fullHistory {
		h.stride = 2 * max(h.stride, 1)
		h.marks = slices.DeleteFunc(h.marks, func(m mark) bool { return m.total%h.stride != 0 })
		n = len(h.marks)
	}
	if n > 0 && at.Before(h.marks[n-1].at) {
		at = h.marks[n-1].at
	}
	h.marks = append(h.marks, mark{at, h.total})
}

// average returns how many requests a second have been taken between two times, of
// which the first is that of the oldest mark.
func (h *history) average(from, to time.Time) float64 {
	n := h.total
	if len(h.marks) > 0 {
		n -= h.marks[0].total - 1
	}
	return perSecond(n, to.Sub(from))
}

// forget drops what is older.
func (h *history) forget(than time.Time) {
	h.marks = slices.DeleteFunc(h.marks, func(m mark) bool { return m.at.Before(than) })
	h.stride = 0
}

// bounds returns between which rates a server is that has taken these requests, and
// now has refused one: no rate below low allows for all of them, none above high
// refuses one more.
func (h *history) bounds(now time.Time, burst float64) (low, high float64) {
	for i, from := range h.marks {
		for _, to := range h.marks[i+1:] {
			if d := to.at.Sub(from.at).Seconds(); d > 0 {
				low = max(low, (float64(to.total-from.total+1)-burst)/d)
			}
		}
		if d := now.Sub(from.at).Seconds(); d > 0 {
			high = max(high, (float64(h.total-from.total+2)-burst)/d)
		}
	}
	return low, high
}

// merge adds what has been taken from another process.
func (h *history) merge(o *history) {
	h.marks = append(h.increments(), o.increments()...)
	slices.SortStableFunc(h.marks, func(a, b mark) int { return a.at.Compare(b.at) })
	total := 0
	for i := range h.marks {
		total += h.marks[i].total
		h.marks[i].total = total
	}
	h.total += o.total
	h.stride = max(h.stride, o.stride)
	if n := len(h.marks); n > fullHistory {
		h.marks = h.marks[n-fullHistory:]
	}
}

// increments returns marks that say how many were taken since the one before.
func (h *history) increments() []mark {
	marks, before := slices.Clone(h.marks), 0
	for i := range marks {
		before, marks[i].total = marks[i].total, marks[i].total-before
	}
	return marks
}

// beyond returns how many requests have been taken until a time beyond so many a second.
func (h *history) beyond(rate float64, until time.Time) (most float64) {
	for i, from := range h.marks {
		for _, to := range h.marks[i:] {
			if !to.at.After(until) {
				most = max(most, float64(to.total-from.total+1)-rate*to.at.Sub(from.at).Seconds())
			}
		}
	}
	return most
}

func perSecond(n int, d time.Duration) float64 { return float64(n) / max(d.Seconds(), 1e-3) }
