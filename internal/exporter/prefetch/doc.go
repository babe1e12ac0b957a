// Package prefetch fetches ahead of the one goroutine that reads, in the order in
// which it reads.
//
// What is fetched is a [Slot] with a [Position]; a [Queue] starts slots in the
// order of their positions, as many at a time as its limit says and as long as
// what is held fits its budget. A [Value] holds one value, a [Text] and a [Body]
// give their bytes piece by piece, a [Sequence] creates its slots one after the
// other:
//
//	tags := prefetch.NewValue(q, at, fetchTags)
//	q.Push(tags.Slot)          // within more, which the queue calls
//	list, err := tags.Get(ctx) // by the reader
//	tags.Leave()
//
// # What is promised
//
// The slot that the reader waits for, the head, is exempt from limit and budget:
// it can always continue, so that there is no deadlock. Others free memory for
// it: a slot may be dropped, the last first, and is fetched again later; pieces
// of a body that have been fetched are kept. A slot that others depend on is
// fixed, and not dropped (budget.go). A large body is asked for in parts by a
// rule that does not look at the clock, so that the same bodies give the same
// requests (ranges.go).
//
// Every slot must be released with Leave, read or not. The functions of a slot
// that are called with the queue locked must not wait.
//
// # What it must not know
//
// Records, the stream, and what the fetched things are, but for the contents of
// assets; the creator of the queue decides which errors end everything.
package prefetch
