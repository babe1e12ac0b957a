package store

import "github.com/comet-stream/comet-stream/internal/comettest/blob"

// Upload is what an upload says about its asset.
type Upload struct {
	ExperimentKey string
	Asset         Asset
	Overwrite     bool
	Remote        bool
	Link          *string
	Content       *blob.Blob
}

// Kind is the type whose limit of size holds.
func (spec *Upload) Kind() string {
	if spec.Asset.Image {
		return "image"
	}
	return spec.Asset.Type
}

// DirectUpload is a direct upload to the second host that has begun.
type DirectUpload struct {
	Spec  *Upload
	Parts []*Part // nil where none came yet
}

// Part is one part of a direct upload.
type Part struct {
	Body *blob.Blob
	ETag string
}

// Remove removes the bytes of all parts.
func (up *DirectUpload) Remove() {
	for _, p := range up.Parts {
		if p != nil {
			p.Body.Remove()
		}
	}
}
