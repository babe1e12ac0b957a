// Package reconcile decides whether a write to the destination is needed, whether
// it may be made, and whether it was done.
//
// A write counts as done when the destination has acknowledged it, or when a
// reading shows that it was. What must not be written twice is written only after
// several readings have agreed that it is missing. A dry run and a verification
// go the same way and write nothing.
//
// It knows neither which records there are nor what an experiment is made of:
// whoever uses it says how a thing is read, compared and written.
package reconcile
