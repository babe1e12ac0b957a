// Package flow takes records from the reader of a stream to the workers,
// concurrently and within bounds.
//
// Two rules keep that from coming to a halt. Small records have a spare place in
// each group where others have all the room, because a request in flight may wait
// for the very next one. And the first of the groups under way ([Turn]) may take
// more than its share of what is bounded: nothing that it waits for comes from the
// groups after it.
//
// It knows records by their size alone, and nothing of servers.
package flow
