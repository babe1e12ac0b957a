package upload

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
)

// fingerprint is the hash of what an asset is recognised by where its id says
// nothing: its name, step, context, and size or link.
func fingerprint(name string, step document.Int, context document.Text, size int64, link string) uint64 {
	return document.Hash(fmt.Sprintf("%q %v %q %v %d %q", name, step, context.V, context.OK, size, link))
}

// Fingerprint returns the fingerprint of the asset as it is written.
func (a *Asset) Fingerprint(size int64) uint64 {
	if a.Record.Remote != nil {
		size = 0
	}
	return fingerprint(a.Upload.Name, a.Doc.Step, a.Doc.Context, size, document.Deref(a.Upload.Link))
}

// FingerprintOf returns the fingerprint of an asset of the destination.
func FingerprintOf(a *comet.Asset) uint64 {
	size, link := a.Size, ""
	if a.Remote && a.Link != nil {
		size, link = 0, *a.Link
	}
	return fingerprint(WrittenName(a), document.IntOf(a.Step), document.TextOf(a.Context), size, link)
}

// WrittenName returns the name that an asset of the destination was written with.
func WrittenName(a *comet.Asset) string {
	if strings.HasPrefix(a.Dir, "models/") {
		return strings.TrimPrefix(a.Name, a.Dir+"/")
	}
	return a.Name
}
