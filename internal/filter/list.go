package filter

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// List prints a line for each whole experiment of the streams in r that the rules
// leave, in the order of the stream, with these columns, tab-separated:
//
//	key, workspace/project/key, name, start, end, state, metric points, assets,
//	bytes of assets, skipped items
//
// Times are in UTC, one that is absent is empty. The state is that of
// [listing.State]. With the option ListJSON each line is a JSON object with the same
// fields. Blocks that
// cannot hold what is printed are not decompressed, and the order of records and
// their totals are not checked; [Check] does that.
func List(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		l := &lister{scan: s}
		return s.pick(listed, l.record)
	})
}

// listed are the kinds that a listing is made from.
var listed = stream.KindSetOf(stream.KindExperiment, stream.KindExperimentEnd)

// A lister is one run of List.
type lister struct {
	*scan
	open *stream.Experiment
}

func (l *lister) record(r stream.Raw) error {
	rec, err := r.Decode()
	if err != nil {
		return err
	}
	switch rec := rec.(type) {
	case *stream.Experiment:
		l.open = rec
	case *stream.ExperimentEnd:
		if l.open == nil || l.open.Key != rec.Key {
			return &stream.Error{Class: stream.ErrGrammar, Kind: r.Kind, Reason: fmt.Sprintf("ends %q, which is not open", rec.Key)}
		}
		l.options.Counters.Experiments.Add(1)
		line, err := listEntry(l.open, rec).Line(l.options.ListJSON, quoted, progress.EscapeJSON)
		if err == nil {
			_, err = l.lines.WriteString(line + "\n")
		}
		l.open = nil
		// Whoever looks on sees each experiment as it comes.
		return errors.Join(err, l.lines.Flush())
	}
	return nil
}

func listEntry(e *stream.Experiment, end *stream.ExperimentEnd) listing.Entry {
	return listing.Entry{Kind: string(stream.KindExperiment), Fields: []listing.Field{
		{Name: "key", Value: e.Key},
		{Name: "path", Value: e.Workspace + "/" + e.Project + "/" + e.Key},
		{Name: "name", Value: listing.Optional(deref(e.Name))},
		{Name: "start", Value: listing.Time(e.Start)},
		{Name: "end", Value: listing.Time(e.End)},
		{Name: "state", Value: listing.State(e.Running, e.Crashed, e.Archived)},
		{Name: "points", Value: end.Points},
		{Name: "assets", Value: end.Counts[stream.KindAsset]},
		{Name: "asset_bytes", Value: end.AssetBytes},
		{Name: "skipped", Value: end.Skipped},
	}}
}
