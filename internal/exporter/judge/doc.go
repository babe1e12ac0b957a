// Package judge says what an error means for an export: whether it ends the
// export, whether an item is absent or only could not be read, and what the
// stream and its abort record say about it.
//
// An item that is not known to be absent gets a skipped record, and an error
// about one item does not affect others: only a key that is not accepted, a
// server that is out of reach and an interrupt end an export.
//
// The package must not know how the items are fetched, nor in which order.
package judge
