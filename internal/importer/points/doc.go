// Package points writes the metric points of an experiment that a destination does
// not have, each once.
//
// Points are compared as multisets. What must not be written twice is written only
// after several readings have agreed that it is missing, and only where it is known
// that the destination shows all that it has. Batches with points of one metric
// are written so that an import which is killed leaves its beginning, and its last
// point only when all others are there.
//
// It holds the session of one experiment and bounds for all of them. It knows
// nothing of the other records of an experiment.
package points
