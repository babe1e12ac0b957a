// Package points writes the metric points of an experiment that a destination does
// not have, each once.
//
// Points are compared as multisets. What must not be written twice is written
// only after several readings have agreed that it is missing, and only if the
// destination is known to show everything that it has. Batches with points of one
// metric are written in an order such that an import which is killed leaves the
// beginning of the metric, and its last point only if all others are there.
//
// It holds the session of one experiment and bounds for all of them.
package points
