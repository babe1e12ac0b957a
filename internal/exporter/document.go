package exporter

import (
	"bytes"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
)

// links that expire or may carry a credential are in no document.
var droppedMembers = []string{"s3Link", "compressedAssetLink", "curlDownload", "restApiUrl"}

// document returns a JSON text of the server as a document, without the
// members that no document has and those named.
func document(text []byte, without ...string) (stream.Doc, error) {
	doc, err := stream.DocFromJSON(text)
	if drop := append(without, droppedMembers...); err == nil && mayName(text, drop) {
		doc, err = doc.Without(drop...)
	}
	if err != nil {
		return nil, judge.ItemErrorf("its description does not fit the stream: %v", err)
	}
	return doc, nil
}

// mayName reports whether one of the names may be in a JSON text, which of
// most documents none is.
func mayName(text []byte, names []string) bool {
	for _, name := range names {
		if bytes.Contains(text, []byte(name)) {
			return true
		}
	}
	return bytes.Contains(text, []byte(`\u`))
}
