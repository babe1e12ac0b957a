package filter

import (
	"context"
	"errors"
	"io"

	"github.com/comet-stream/comet-stream/internal/table"
	"github.com/comet-stream/comet-stream/stream"
)

// Table prints what the rules leave of the streams in r as a table of package table.
// Like [List], it decompresses no more than it needs, and does not check the order
// of records.
func Table(ctx context.Context, w io.Writer, r io.Reader, kind table.Kind, format table.Format, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		p := table.NewPrinter(s.lines, kind, format)
		err := s.pick(kind.Needs()|stream.KindSetOf(stream.KindExperimentEnd), func(r stream.Raw) error {
			if r.Kind == stream.KindExperimentEnd {
				s.options.Counters.Experiments.Add(1)
			}
			return p.Record(r)
		})
		if closeErr := p.Close(); closeErr != nil && !errors.Is(err, closeErr) {
			err = errors.Join(err, closeErr)
		}
		return err
	})
}
