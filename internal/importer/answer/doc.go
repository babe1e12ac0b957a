// Package answer says what the error of a request means for an item: that it does
// not exist, that the destination will never accept it, that the destination
// lacks the call, or that it is uncertain whether the write was done.
//
// Each question is answered here and nowhere else. The package sees only errors:
// not what was requested, nor what is done about it.
package answer
