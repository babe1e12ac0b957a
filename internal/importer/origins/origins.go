package origins

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/stream"
)

// Origins is the way of what an experiment came from.
type Origins struct {
	*session.Experiment
	machine machine
}

// Kinds are the kinds of records that Take takes.
var Kinds = []stream.Kind{stream.KindSystem, stream.KindRequirements, stream.KindGit}

// Take takes a record. What it holds is written concurrently, that of the machine
// with Flush.
func (o *Origins) Take(ctx context.Context, rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Requirements:
		return o.machine.takePackages(rec)
	case *stream.Document:
		if rec.Of == stream.KindGit {
			return putGit(ctx, o.Experiment, rec)
		}
		return document.Read(rec.Doc, &o.machine.fields)
	}
	return nil
}
