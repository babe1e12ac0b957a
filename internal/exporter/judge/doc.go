// Package judge says what an error means for an export: whether it ends it, whether
// something is absent or only could not be had, and what the stream and its abort
// record say of it.
//
// What is not known to be absent is named in a skipped record, and an error that
// names one item leaves the others alone: only a key that is not accepted, a server
// that is out of reach and an interrupt end an export.
//
// The package must not know how the items are fetched, nor in which order.
package judge
