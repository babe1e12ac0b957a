package upload

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Asset is one asset on its way to the destination.
type Asset struct {
	Record *stream.Asset
	Doc    assetDoc
	Upload *comet.Upload
	Refers bool // its content names other assets

	State   assetState
	Content *spool.Spool // where its bytes wait
	Tail    *spool.Tail  // and who writes them while they come
	Pipe    *Pipe        // or where they go at once
	SHA256  string       // of what is written
}

// assetState says what is to be done with an asset.
type assetState int

const (
	_ assetState = iota // to be written
	// Present is an asset that the destination has.
	Present
	// LeftOut is one of a type that servers make themselves, or told as missing.
	LeftOut
)

// assetDoc is what is used of an asset's entry in the list.
type assetDoc struct {
	Step     document.Int  `json:"step"`
	Epoch    document.Int  `json:"epoch"`
	Context  document.Text `json:"runContext"`
	Metadata document.Text `json:"metadata"`
}

func (a *Asset) Drop(err error) {
	if a.Tail != nil {
		// The writer frees it.
		a.Tail.Fail(err)
		return
	}
	if a.Pipe != nil {
		a.Pipe.fail(err)
	}
	a.Content.Close()
	a.Content, a.Pipe = nil, nil
}

func (a *Asset) Name() string { return document.Deref(a.Record.Name) }
func (a *Asset) Type() string { return document.Deref(a.Record.Type) }

func (a *Asset) Issue() report.Issue {
	return report.Issue{Kind: string(stream.KindAsset), Name: a.Name(), ID: a.Record.ID}
}

// BadMetadata is the issue of an asset whose metadata are not carried.
func (a *Asset) BadMetadata() report.Issue {
	i := a.Issue()
	i.Class, i.Reason = report.Missing, "its metadata is not JSON"
	return i
}

// extension returns that of a file name, without its dot, if it looks like one.
func extension(name string) string {
	ext := strings.TrimPrefix(path.Ext(name), ".")
	if len(ext) > 16 {
		return ""
	}
	return ext
}

// SizeOf returns the size that the stream gives for an asset, -1 if it gives none.
func SizeOf(rec *stream.Asset) int64 {
	if rec.Size == nil {
		return -1
	}
	return *rec.Size
}

// OverLimit returns an *answer.Limit if the asset is over a limit of the handshake.
func (a *Asset) OverLimit(run *comet.Run, size int64) error {
	limit, name := run.MaxAsset, run.MaxAssetName
	switch {
	case a.isImage():
		limit, name = run.MaxUpload, run.MaxImageName
	case a.Type() == "video":
		limit = run.MaxVideo
	}
	if n := utf8.RuneCountInString(a.Upload.Name); name > 0 && n > name {
		return answer.Limitf("its name of %d characters is over the limit of the destination, %d", n, name)
	}
	if a.Record.Remote == nil && limit > 0 && size > limit {
		return answer.Limitf("its %d bytes are over the limit of the destination, %d", size, limit)
	}
	return nil
}

// isImage reports whether the asset goes to the endpoint for images. That one
// keeps neither epochs nor any type but image, and names what has no name. It
// knows no artifacts.
func (a *Asset) isImage() bool {
	return a.Upload.ArtifactVersion == "" && a.Type() == "image" && a.Record.Remote == nil && a.Name() != "" && !a.Doc.Epoch.OK
}

// ErrBadHash is why an asset is not written whose bytes are not those of the source.
var ErrBadHash = errors.New("SHA-256 mismatch: the bytes differ from those that were exported")

// ReasonExtra is the reason of what a verification finds at the destination alone.
const ReasonExtra = "not in the stream"

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
