// Package answer says what an error that came of a request means for the work on
// an item: that there is no such thing, that the destination will never take it,
// that it does not know the call, or that nobody can say whether it was done.
//
// Each question is answered here and nowhere else. It knows errors alone: not
// what was asked for, nor what is done about it.
package answer
