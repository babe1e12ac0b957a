package filter

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// flushAfter is how long a record may wait for its block to fill. A filter in a
// live pipe is to add no delay that anyone notices.
const flushAfter = 100 * time.Millisecond

// Copy writes the streams in r to w as the rules want them: one for each, with a
// header of its own and the totals of what is left.
//
// A block in which nothing is dropped or changed is copied as it is. Its checksum
// is checked, its records are not looked at. Where r is truncated, so is what has
// been written, and the error wraps [stream.ErrTruncated]; an aborted stream is
// passed on with its abort, and [stream.ErrAborted] returned in the end. On any
// other error of the input, and if ctx is cancelled, w gets an abort record.
//
// An error of type [*MeetError] comes before anything has been written, one of
// type [*MissingError] after all has.
func Copy(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	c := &copier{options: o.withDefaults(), out: w}
	c.found = newMatches(&c.options.Rules)
	c.kinds = newKindSets(&c.options.Rules)
	blocks := stream.NewBlockReader(openInput(ctx, r, c.options.Counters), stream.BlockReaderOptions{
		Decode: func(l *stream.Label) bool { return c.kinds.foresee(l.Kinds) },
	})
	defer blocks.Close()
	for {
		b, err := blocks.Next()
		if err == io.EOF {
			return c.finish()
		}
		if err == nil {
			err = c.block(b)
		}
		if err != nil {
			return c.fail(ctx, err)
		}
	}
}

// A copier is one run of Copy.
type copier struct {
	options *Options
	kinds   kindSets
	out     io.Writer
	found   *matches
	aborted error // the first abort that was passed on
	ended   bool  // a stream has been written to its end

	// Of the current stream:
	sieve  *sieve
	w      *stream.Writer // nil before the first stream and between two
	header *stream.Raw    // held back until the plan shows that no two projects meet
	seen   int64          // experiments that were counted
}

// block takes the next block.
func (c *copier) block(b *stream.Block) error {
	if b.Label.First {
		c.sieve = newSieve(c.found)
		c.w = stream.NewWriter(c.out, stream.WriterOptions{FlushAfter: flushAfter})
		c.seen = 0
	}
	switch c.sieve.block(b.Label.Kinds) {
	case dropBlock:
		return nil
	case copyBlock:
		return at(b, 0, c.w.WriteBlock(b))
	}
	records, err := b.Records()
	if err != nil {
		return err
	}
	return c.records(b, records)
}

// A sieved record is one that goes on, and the place it had in its block.
type sieved struct {
	record stream.Raw
	index  int
}

// records takes the records of a block that had to be opened. If all of them
// stay as they are, the block is copied all the same.
func (c *copier) records(b *stream.Block, records []stream.Raw) error {
	whole := !b.Label.Kinds.HasAny(rewritten)
	left := make([]sieved, 0, len(records))
	for i, r := range records {
		out, v, err := c.sieve.record(r)
		if err != nil {
			return at(b, i, err)
		}
		for _, r := range c.sieve.released() {
			left, whole = append(left, sieved{r, i}), false
		}
		if r.Kind == stream.KindExperimentEnd && v != drop {
			c.seen++
			c.options.Counters.Experiments.Add(1)
		}
		if v != keep {
			whole = false
		}
		if v != drop {
			left = append(left, sieved{out, i})
		}
	}
	if whole {
		return at(b, 0, c.w.WriteBlock(b))
	}
	for _, s := range left {
		if err := c.write(b, s); err != nil {
			return err
		}
	}
	return nil
}

// write writes one record.
func (c *copier) write(b *stream.Block, s sieved) error {
	switch s.record.Kind {
	case stream.KindHeader:
		header, err := newHeader(s.record, c.options.Tool)
		if err != nil {
			return at(b, s.index, err)
		}
		c.header = &header
		if !c.options.Rules.Renames.empty() {
			return nil
		}
		return at(b, s.index, c.writeHeader())
	case stream.KindTrailer, stream.KindAbort:
		return c.end(b, s)
	}
	if err := c.writeHeader(); err != nil {
		return at(b, s.index, err)
	}
	return at(b, s.index, c.w.WriteRaw(s.record))
}

// writeHeader writes the header that is held back, if there is one.
func (c *copier) writeHeader() error {
	if c.header == nil {
		return nil
	}
	header := *c.header
	c.header = nil
	return c.w.WriteRaw(header)
}

// end writes the record that ends a stream.
func (c *copier) end(b *stream.Block, s sieved) error {
	err := c.writeHeader()
	if err == nil {
		err = c.w.WriteRaw(s.record)
	}
	if err != nil {
		return at(b, s.index, err)
	}
	w := c.w
	c.w = nil
	if err := w.Close(); err != nil {
		return err
	}
	c.ended = true
	rec, err := s.record.Decode()
	if err != nil {
		return at(b, s.index, err)
	}
	switch rec := rec.(type) {
	case *stream.Trailer:
		// It knows of those in copied blocks too.
		c.options.Counters.Experiments.Add(rec.Experiments - c.seen)
	case *stream.Abort:
		if c.aborted == nil {
			c.aborted = abortedError(b, s.index, rec)
		}
	}
	return nil
}

// abortedError returns the error for an abort at an index of a block.
func abortedError(b *stream.Block, index int, a *stream.Abort) *stream.AbortedError {
	return &stream.AbortedError{
		Class: a.Class, Message: a.Message, Last: a.Last,
		Record: int64(b.Label.Sequence) + int64(index), Offset: b.Offset,
	}
}

// finish ends a run whose input has ended well.
func (c *copier) finish() error {
	if c.aborted != nil {
		return c.aborted
	}
	return c.found.missing()
}

// fail ends a run that cannot go on, and the stream that is open the way it
// deserves. It returns err, joined by what else goes wrong.
func (c *copier) fail(ctx context.Context, err error) error {
	if c.w == nil && c.ended {
		// The streams before were whole, and are written. So that this does not
		// look complete, another stream begins and ends with an abort.
		c.w = stream.NewWriter(c.out, stream.WriterOptions{})
		if more := c.w.Write(bareHeader(c.options.Tool)); more != nil {
			_ = c.w.Stop() // more once more
			return errors.Join(err, more)
		}
	}
	if c.w == nil {
		return err
	}
	if _, meet := errors.AsType[*MeetError](err); meet && c.header != nil {
		_ = c.w.Stop() // nothing has been written, so nothing can fail
		return err
	}
	more := c.writeHeader()
	switch {
	case more != nil:
		_ = c.w.Stop() // more once more
	case errors.Is(err, stream.ErrTruncated):
		more = c.w.Stop()
	case ctx.Err() != nil:
		more = c.w.Abort("interrupted", context.Cause(ctx).Error())
	default:
		more = c.w.Abort(abortClass(err), err.Error())
	}
	if more == nil || errors.Is(err, more) {
		return err
	}
	return errors.Join(err, more)
}

// abortClass returns the class of abort for an error.
func abortClass(err error) string {
	if _, ok := errors.AsType[*stream.Error](err); ok {
		return "input"
	}
	return "error"
}

// at says where in the input a record is that an error is about. Errors of the
// stream package about records have the number that the record would have in the
// output, where they have one at all.
func at(b *stream.Block, index int, err error) error {
	e, ok := errors.AsType[*stream.Error](err)
	if !ok {
		return err
	}
	here := *e
	here.Record, here.Offset = int64(b.Label.Sequence)+int64(index), b.Offset
	return &here
}

// newHeader returns the header of the stream that is made from one with the
// header r.
func newHeader(r stream.Raw, tool string) (stream.Raw, error) {
	h, err := stream.DecodeAs[*stream.Header](r)
	if err != nil {
		return r, err
	}
	h.Parents = append([]string{h.ID}, h.Parents...)
	h.ID = stream.NewID()
	h.Created = time.Now().UnixMilli()
	h.Tool = tool
	return r.With(h)
}

// bareHeader returns the header of a stream of which nothing is known.
func bareHeader(tool string) *stream.Header {
	return &stream.Header{Created: time.Now().UnixMilli(), Parents: []string{}, Requires: []string{}, Tool: tool}
}
