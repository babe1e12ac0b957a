// Package texts writes the texts of an experiment: code, graph, html, the patch
// of its repository, and output.
//
// A text is one request, or many, that replace it as a whole. Output is the
// exception: it can only be appended to, so the rest is appended if the
// destination's output is a prefix of it, and a difference is reported otherwise.
//
// It handles no other kind of record. One goroutine calls it, in the order of the
// stream; the writes are concurrent.
package texts
