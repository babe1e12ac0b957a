// Package origins writes what an experiment came from: the machine, with the
// packages that were installed, and the repository.
//
// Each field of the machine is a separate value, which is compared, written and
// reported separately. Some servers append to lists what they are sent a second
// time, so it is written once.
//
// It handles no other kind of record. One goroutine calls it, in the order of the
// stream; the writes are concurrent.
package origins
