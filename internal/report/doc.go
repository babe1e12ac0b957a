// Package report holds what an import reports: a line for each experiment and for
// other things where there is something to report, and the sum of all. The lines
// of a report file are these types as JSON.
//
// The names in the lines do not change: an export reads the lines of an earlier
// import, to continue where that stopped. A [Ledger] may be used by many
// goroutines at a time; what it keeps of one item is bounded.
//
// It depends on no server, on package stream for its kinds alone, and does not
// print the lines.
package report
