// Package quota remembers what a destination has said to take no more of, so that
// it is not asked for each of many things.
//
// A quota counts as used up after several refusals in a row; what is much
// smaller than all that was refused is still tried. It knows nothing of what the
// things are, but for their size and the room that they take.
package quota
