// Package values writes the parameters and the others of an experiment: values by
// name, of which a server keeps the smallest, the largest and the current reading.
//
// A value that the destination shows as the stream has it is not written again.
// Parameters go in batches, and those that are refused are found by halves; each
// reading of an other is a request of its own. Where an answer is lost the value is
// read back, and compared as a verification compares it.
//
// It handles no other kind of record. One goroutine calls it, in the order of the
// stream; the writes are concurrent.
package values
