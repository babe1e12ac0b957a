// Package pointset compares the metric points of a stream with those that a
// destination has: as multisets of hashes of all their fields, at 8 bytes for a
// point, whatever their order and however a server prints numbers.
//
// Two points that differ have the same hash once in 2^64 pairs. Hashes are good
// within one process only: they are never written anywhere.
//
// It depends on the points of stream and server alone, not on requests, or on
// what is done about a difference.
package pointset
