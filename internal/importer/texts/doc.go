// Package texts writes the texts of an experiment: code, graph, html, the patch of
// its repository, and what it has printed.
//
// A text is one request, or many, that replace it as a whole. Output is the
// exception: it can only be added to, so that it goes on where that of the
// destination ends, and is reported where that is not how it begins.
//
// It knows no other kind of record. One goroutine calls it, in the order of the
// stream; the writes are concurrently.
package texts
