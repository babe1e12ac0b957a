// Package origins writes what an experiment came from: the machine, with the
// packages that were installed, and the repository.
//
// Of the machine each field is a value of its own, compared, filled in and told by
// itself. Servers add to some lists what they are sent again, so that it is written
// once.
//
// It knows no other kind of record. One goroutine calls it, in the order of the
// stream; the writes are concurrently.
package origins
