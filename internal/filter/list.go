package filter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// List prints a line for each whole experiment of the streams in r that the rules
// leave, in the order of the stream, with these columns, tab-separated:
//
//	key, workspace/project/key, name, start, end, state, metric points, assets,
//	bytes of assets, skipped items
//
// Times are in UTC, one that is absent is empty. The state is finished, running
// or crashed, with ",archived" behind it where the experiment is. Blocks that
// cannot hold what is printed are not decompressed, and the order of records and
// their totals are not checked; [Check] does that.
func List(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		kinds := newKindSets(&s.options.Rules)
		l := &lister{scan: s}
		blocks := stream.NewBlockReader(s.in, stream.BlockReaderOptions{
			Decode: func(label *stream.Label) bool { return kinds.foresee(label.Kinds) || label.Kinds.HasAny(listed) },
		})
		defer blocks.Close()
		for {
			b, err := blocks.Next()
			if err == io.EOF {
				return l.aborted
			}
			if err == nil {
				err = l.block(b)
			}
			if err != nil {
				return err
			}
		}
	})
}

// listed are the kinds that a listing is made from.
var listed = stream.KindSetOf(stream.KindExperiment, stream.KindExperimentEnd, stream.KindAbort)

// A lister is one run of List.
type lister struct {
	*scan
	sieve   *sieve
	open    *stream.Experiment
	aborted error // the first abort
}

func (l *lister) block(b *stream.Block) error {
	if b.Label.First {
		l.sieve, l.open = newSieve(l.found), nil
	}
	if l.sieve.block(b.Label.Kinds) != openBlock && !b.Label.Kinds.HasAny(listed) {
		return nil
	}
	records, err := b.Records()
	if err != nil {
		return err
	}
	for i, record := range records {
		out, v, err := l.sieve.record(record)
		l.sieve.released() // none of what a listing is made from
		if err == nil && v != drop && listed.Has(out.Kind) {
			err = l.record(b, i, out)
		}
		if err != nil {
			return at(b, i, err)
		}
	}
	return nil
}

func (l *lister) record(b *stream.Block, i int, r stream.Raw) error {
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
		_, err = l.lines.WriteString(strings.Join(listLine(l.open, rec), "\t") + "\n")
		l.open = nil
		// Whoever looks on sees each experiment as it comes.
		return errors.Join(err, l.lines.Flush())
	case *stream.Abort:
		if l.aborted == nil {
			l.aborted = abortedError(b, i, rec)
		}
	}
	return nil
}

func listLine(e *stream.Experiment, end *stream.ExperimentEnd) []string {
	state := "finished"
	switch {
	case e.Running:
		state = "running"
	case e.Crashed != nil && *e.Crashed:
		state = "crashed"
	}
	if e.Archived {
		state += ",archived"
	}
	return []string{
		quoted(e.Key),
		quoted(e.Workspace + "/" + e.Project + "/" + e.Key),
		quoted(deref(e.Name)),
		listTime(e.Start),
		listTime(e.End),
		state,
		fmt.Sprint(end.Points),
		fmt.Sprint(end.Counts[stream.KindAsset]),
		fmt.Sprint(end.AssetBytes),
		fmt.Sprint(end.Skipped),
	}
}

func listTime(ms *int64) string {
	if ms == nil {
		return ""
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
