// Package assets writes the assets of an experiment that a destination does not
// have: each once, under its own id or a derived one.
//
// A destination may assign its own ids; assets are then recognised by name, step,
// size and bytes. Those whose contents refer to other assets are written after
// them, with their references changed.
//
// It holds the session of one experiment and what uploads need. Package upload
// transfers the bytes.
package assets
