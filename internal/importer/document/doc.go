// Package document reads the JSON documents that a stream has from its source, and
// compares JSON values of source and destination.
//
// A field of another type than expected is read for what it says, and is absent
// where it says nothing; no document is refused for one field. Two values are the
// same here if the difference is one that servers are known to make of what they
// are given.
//
// It knows neither which fields there are nor where they go.
package document
