// Package content holds long texts and other contents on their way to the
// destination, and what stands for them: their size and SHA-256.
//
// A [Text] is opened again for each reading, so that it needs no memory, and
// gives the same bytes each time. The package does not depend on what a text
// belongs to or where it is written.
package content
