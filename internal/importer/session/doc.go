// Package session holds what everything that is written of one experiment has in
// common: its key, what existed before, whether the stream wins, the mark that is
// set before the first write to a finished experiment, the tasks in progress, and
// their outcomes.
//
// A session may be used by many goroutines once it is open. It does not depend on
// kinds of records: their writers do.
package session
