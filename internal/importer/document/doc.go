// Package document reads the JSON documents that a stream has from its source, and
// compares JSON values of source and destination.
//
// A field of another type than expected is converted if possible, and otherwise
// absent; no document is refused for one field. Two values count as the same if
// they differ only in ways in which servers are known to change what they store.
//
// It does not depend on which fields exist or where they are written.
package document
