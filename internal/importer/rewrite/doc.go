// Package rewrite changes the references inside contents: experiment keys, asset
// ids and addresses of a source that differ at a destination.
//
// Everything else stays the same to the byte, and the same content gives the same
// result each time. It searches texts, binary data and zip files, in bounded
// memory. Its callers map the ids.
package rewrite
