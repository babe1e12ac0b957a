// Package halving writes many values in one request, and finds the values that
// caused a refusal.
//
// Each value is written at most once, in its order. It does not depend on what
// the values are or how they are written, and reports only to its caller.
package halving
