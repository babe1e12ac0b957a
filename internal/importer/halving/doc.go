// Package halving writes many values in one request, and finds those that are to
// blame where it is refused.
//
// Each value is written at most once, in its order. It knows neither what the
// values are nor how they are written, and tells nobody but its caller.
package halving
