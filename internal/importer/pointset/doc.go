// Package pointset compares the metric points of a stream with those that a
// destination has: as multisets of hashes of all their fields, at 8 bytes for a
// point, whatever their order and however a server prints numbers.
//
// Two points that differ have the same hash once in 2^64 pairs. Hashes are good
// within one process only: they are never written anywhere.
//
// It knows how a point of the stream and one of a server look, and nothing of
// requests, or of what is done about a difference.
package pointset
