package stream

import "cmp"

// CompareTimes orders times, absent ones first. Experiments and versions come in the
// order of their times, those of equal times in that of their keys or names.
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
