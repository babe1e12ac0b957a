// Package reconcile decides whether a write to the destination is needed, whether
// it may be made, and whether it was done.
//
// A write counts as done when the destination has acknowledged it, or when a
// reading shows that it was. What must not be written twice is written only after
// several readings have agreed that it is missing. A dry run and a verification
// follow the same procedure and write nothing.
//
// It does not depend on kinds of records or parts of an experiment: its callers
// say how an item is read, compared and written.
package reconcile
