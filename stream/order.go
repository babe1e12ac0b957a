package stream

import "cmp"

// CompareTimes orders times, absent ones first. Experiments and versions are
// ordered by time, those of equal times by key or name.
func CompareTimes(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}
