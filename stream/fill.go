package stream

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
)

// NewID returns a new id for a stream.
func NewID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// fill completes the records that the Writer knows more about than its caller.
func (w *Writer) fill(rec Record) {
	switch rec := rec.(type) {
	case *Header:
		rec.Format, rec.Version = formatName, [2]int{majorVersion, minorVersion}
		if rec.ID == "" {
			rec.ID = NewID()
		}
	case *AssetEnd:
		if rec.SHA256 == "" && w.g.open == KindAsset && w.g.hashing {
			rec.Size, rec.SHA256 = w.g.bytes, hex.EncodeToString(w.g.hash.Sum(nil))
		}
	case *ExperimentEnd:
		rec.Key = cmp.Or(rec.Key, w.g.groupID)
		if !w.g.groupUnseen {
			t := w.g.sum.totals()
			rec.AssetBytes, rec.Counts, rec.Points, rec.Skipped = t.AssetBytes, t.Counts, t.Points, t.Skipped
		}
	case *ArtifactEnd:
		rec.ID = cmp.Or(rec.ID, w.g.groupID)
		if !w.g.groupUnseen {
			t := w.g.sum.totals()
			rec.AssetBytes, rec.Counts, rec.Skipped = t.AssetBytes, t.Counts, t.Skipped
		}
	case *ModelEnd:
		rec.ID = cmp.Or(rec.ID, w.g.groupID)
		if !w.g.groupUnseen {
			t := w.g.sum.totals()
			rec.Counts, rec.Skipped = t.Counts, t.Skipped
		}
	case *Trailer:
		if !w.g.unseen {
			*rec = *w.trailer()
		}
	}
}

func (w *Writer) trailer() *Trailer {
	t := w.g.total.totals()
	return &Trailer{AssetBytes: t.AssetBytes, Counts: t.Counts, Experiments: t.Experiments,
		Points: t.Points, Projects: t.Projects, Skipped: t.Skipped}
}
