// Package flow takes records from the one who reads a stream to those who work on
// them, side by side and within bounds.
//
// Two rules keep that from coming to a halt. Small records have a spare place in
// each group where others have all the room, because a request in flight may wait
// for the very next one. And the first of the groups under way ([Turn]) may take
// more than its share of what is bounded: nothing that it waits for comes from the
// groups after it.
//
// It knows records by their size alone, and nothing of servers.
package flow
