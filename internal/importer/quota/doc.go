// Package quota remembers which quotas of a destination are used up, so that it
// is not asked for each of many items.
//
// A quota counts as used up after several refusals in a row; what is much smaller
// than all that was refused is still tried. It depends on the size of items and
// the quotas that they count against, and on nothing else of them.
package quota
