// Package assets writes the assets of an experiment that a destination does not
// have: each once, under its own id or a derived one.
//
// A destination may give ids of its own; assets are then known by their name, step,
// size and bytes. Those whose contents refer to other assets are written after
// them, with their references changed.
//
// It holds the session of one experiment and what uploads need. It knows nothing of
// the other records of an experiment; how bytes get to the destination is the
// business of package upload.
package assets
