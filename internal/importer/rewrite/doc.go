// Package rewrite changes the references inside contents: the experiment keys,
// asset ids and addresses of a source that are others at a destination.
//
// What it does not change it does not touch, to the byte, and it makes the same of
// a content each time. It looks through texts, binary data and zip files, in
// bounded memory. What an id becomes it asks whoever uses it.
package rewrite
