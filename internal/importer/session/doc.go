// Package session holds what everything that is written of one experiment has in
// common: its key, what there was of it, whether the stream wins, the mark that
// is set before the first write to what was finished, the tasks under way, and
// what becomes of them.
//
// A session may be used by many goroutines once it is open. It knows no kind of
// record: whoever writes one says how.
package session
