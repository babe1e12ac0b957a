package filter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// A scan is one run of a reading mode over an input.
type scan struct {
	options *Options
	in      io.Reader
	lines   *bufio.Writer
	found   *matches
}

// run runs a reading mode. Everything before an error in the input is printed.
func run(ctx context.Context, w io.Writer, r io.Reader, o Options, mode func(*scan) error) error {
	with := o.withDefaults()
	s := &scan{
		options: with,
		in:      openInput(ctx, r, with.Counters),
		lines:   bufio.NewWriterSize(w, 64<<10),
		found:   newMatches(&with.Rules),
	}
	err := mode(s)
	if err == nil {
		err = s.found.missing()
	}
	if flushErr := s.lines.Flush(); flushErr != nil && !errors.Is(err, flushErr) {
		err = errors.Join(err, flushErr)
	}
	return err
}

// records hands all records that the rules leave to take, in order, after all
// checks of a reader.
func (s *scan) records(take func(stream.Raw) error) error {
	reader := stream.NewReader(s.in, stream.ReaderOptions{})
	defer reader.Close()
	var sv *sieve
	for {
		record, err := reader.NextRaw()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if record.Kind == stream.KindHeader {
			sv = newSieve(s.found)
		}
		record, v, err := sv.record(record)
		if err != nil {
			return err
		}
		for _, r := range sv.released() {
			if err := take(r); err != nil {
				return err
			}
		}
		if v == drop {
			continue
		}
		if record.Kind == stream.KindExperimentEnd {
			s.options.Counters.Experiments.Add(1)
		}
		if err := take(record); err != nil {
			return err
		}
	}
}

// pick hands the records of some kinds that the rules leave to take, in order,
// which owns them. Blocks that hold none of them are not decompressed, and neither
// the order of records nor their totals are checked. An abort comes as an error at
// the end of the input.
func (s *scan) pick(wanted stream.KindSet, take func(stream.Raw) error) error {
	kinds := newKindSets(&s.options.Rules)
	wanted |= stream.KindSetOf(stream.KindAbort)
	blocks := stream.NewBlockReader(s.in, stream.BlockReaderOptions{
		Decode: func(label *stream.Label) bool { return kinds.foresee(label.Kinds) || label.Kinds.HasAny(wanted) },
	})
	defer blocks.Close()
	var sv *sieve
	var aborted error // the first one
	for {
		b, err := blocks.Next()
		if err == io.EOF {
			return aborted
		}
		if err != nil {
			return err
		}
		if b.Label.First {
			sv = newSieve(s.found)
		}
		if sv.block(b.Label.Kinds) != openBlock && !b.Label.Kinds.HasAny(wanted) {
			continue
		}
		abort, err := s.pickBlock(sv, b, wanted, take)
		if err != nil {
			return err
		}
		if aborted == nil && abort != nil {
			aborted = abort
		}
	}
}

// pickBlock is pick for one block.
func (s *scan) pickBlock(sv *sieve, b *stream.Block, wanted stream.KindSet, take func(stream.Raw) error) (aborted, err error) {
	records, err := b.Records()
	if err != nil {
		return nil, err
	}
	for i, record := range records {
		out, v, err := sv.record(record)
		sv.released() // none of them is of a kind that is picked
		if err == nil && v != drop && wanted.Has(out.Kind) && out.Kind.Known() {
			if out.Kind == stream.KindAbort {
				var abort *stream.Abort
				if abort, err = stream.DecodeAs[*stream.Abort](out); err == nil {
					aborted = abortedError(b, i, abort)
				}
			} else {
				err = take(out)
			}
		}
		if err != nil {
			return nil, at(b, i, err)
		}
	}
	return aborted, nil
}

// Sum prints a line for each experiment of the streams in r that the rules leave,
// and for each other thing, such as a version of an artifact: the key of the
// experiment, or kind and name, and the SHA-256 of the content, tab-separated and
// sorted. Two streams have the same line for what was moved without loss; what does
// not count is said at [Assigned] and in docs/fidelity.md.
func Sum(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		sums := newSummer()
		err := s.records(sums.record)
		return errors.Join(err, sums.write(s.lines))
	})
}

// Check reads the streams in r to their end, checks everything that FORMAT.md
// says about them, the SHA-256 of every asset included, and prints their totals
// together, a name and a number a line, tab-separated. Rules play no part. The
// totals of what could be read are printed also where it returns an error.
func Check(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	o.Rules = Rules{}
	return run(ctx, w, r, o, func(s *scan) error {
		reader := stream.NewReader(s.in, stream.ReaderOptions{})
		defer reader.Close()
		var t checkTotals
		err := t.read(reader, s.options.Counters)
		if t.streams == 0 {
			return err
		}
		return errors.Join(err, t.write(s.lines))
	})
}

// checkTotals are the totals of several streams.
type checkTotals struct {
	streams int64
	stream.Totals
}

// read adds the streams of reader, up to its end or to an error.
func (t *checkTotals) read(reader *stream.Reader, counters *progress.Counters) error {
	open := false
	for {
		record, err := reader.NextRaw()
		if err != nil && open {
			t.Add(reader.Totals())
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		switch record.Kind {
		case stream.KindHeader:
			open = true
			t.streams++
		case stream.KindExperimentEnd:
			counters.Experiments.Add(1)
		case stream.KindTrailer:
			open = false
			t.Add(reader.Totals())
		}
	}
}

func (t *checkTotals) write(w io.Writer) error {
	var unknown int64
	for kind, n := range t.Counts {
		if !kind.Known() {
			unknown += n
		}
	}
	for _, line := range []struct {
		name string
		n    int64
	}{
		{"streams", t.streams},
		{"records", t.Records},
		{"projects", t.Projects},
		{"experiments", t.Experiments},
		{"points", t.Points},
		{"assets", t.Counts[stream.KindAsset]},
		{"asset_bytes", t.AssetBytes},
		{"skipped", t.Skipped},
		{"unknown_kinds", unknown},
	} {
		if _, err := fmt.Fprintf(w, "%s\t%d\n", line.name, line.n); err != nil {
			return err
		}
	}
	return nil
}
