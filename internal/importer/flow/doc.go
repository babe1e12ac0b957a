// Package flow takes records from the reader of a stream to the workers,
// concurrently and within bounds.
//
// Two rules prevent a deadlock. Each group has a spare place for a small record
// when other groups use the whole budget, because a request in flight may wait
// for exactly that record. And the first of the groups in progress ([Turn]) may
// exceed its share of what is bounded: nothing that it waits for comes from the
// groups after it.
//
// It knows records by their size alone, and nothing of servers.
package flow
