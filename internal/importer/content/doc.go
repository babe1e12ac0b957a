// Package content holds long texts and other contents on their way to the
// destination, and what stands for them: their size and SHA-256.
//
// A [Text] is read again each time it is wanted, so that it needs no memory, and
// gives the same bytes each time. It knows neither what a text is of nor where it
// goes.
package content
