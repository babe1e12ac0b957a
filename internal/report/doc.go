// Package report holds what an import reports: a line for each experiment and for
// other things where there is something to report, and the sum of all. The lines
// of a report file are these types as JSON.
//
// It promises that the names in the lines stay: an export reads the lines of an
// earlier import, to go on where that has ended. A [Ledger] may be used by many
// goroutines at a time; what it keeps of one thing is bounded.
//
// It knows no server, no stream but its kinds, and not who prints the lines.
package report
