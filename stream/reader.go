package stream

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// ReaderOptions changes how a Reader works. The zero value serves.
type ReaderOptions struct {
	// Workers is the number of blocks that are decoded at a time; 0 means
	// GOMAXPROCS.
	Workers int
	// SkipSHA256 leaves the SHA-256 of assets unchecked, for callers who check
	// them anyway. Every other check stays.
	SkipSHA256 bool
}

// A Reader reads the records of one stream, or of several that have been put one
// after the other. It checks everything that FORMAT.md requires of a reader. It
// reads ahead and decodes in parallel, but hands out a record as soon as its
// block has come, and its memory is bounded whatever the input says.
//
// A Reader is not safe for concurrent use.
type Reader struct {
	r       io.Reader
	options ReaderOptions
	blocks  *pipeline
	job     *job
	next    int // index in the records of job
	g       *grammar
	err     error
}

// NewReader returns a Reader of r. Nothing is read before the first call of
// Next.
func NewReader(r io.Reader, o ReaderOptions) *Reader {
	return &Reader{r: r, options: o, g: newGrammar(!o.SkipSHA256)}
}

// Next returns the next record. Slices of bytes in it, documents included, stay
// valid until the following call of Next, NextRaw or Close; everything else in it
// belongs to the caller.
//
// The trailer is a record too. After it Next returns [io.EOF] where the input
// ends, or the [*Header] of a stream that follows. A stream that stops before its
// trailer gives [ErrTruncated] and one that its writer gave up an
// [*AbortedError]; the records returned until then were whole. After any error
// Next returns it again.
func (r *Reader) Next() (Record, error) {
	raw, err := r.NextRaw()
	if err != nil {
		return nil, err
	}
	return raw.view.decode(), nil
}

// NextRaw returns the next record as it is in the stream. Its Data stays valid
// until the following call of Next, NextRaw or Close. Else it is like Next.
func (r *Reader) NextRaw() (Raw, error) {
	if r.err != nil {
		return Raw{}, r.err
	}
	raw, err := r.nextRaw()
	if err != nil {
		r.err = err
		r.stop()
	}
	return raw, err
}

func (r *Reader) nextRaw() (Raw, error) {
	if r.job == nil || r.next == len(r.job.content.records) {
		if err := r.nextBlock(); err != nil {
			return Raw{}, err
		}
	}
	v := &r.job.content.records[r.next]
	r.next++
	raw := Raw{Kind: v.kind, Data: v.data, view: v, place: r.g.place()}
	if err := r.g.next(v); err != nil {
		return Raw{}, r.job.block.locate(err)
	}
	if v.kind == KindAbort {
		a := v.decode().(*Abort)
		return Raw{}, &AbortedError{Class: a.Class, Message: a.Message, Last: a.Last, Record: r.g.n - 1, Offset: r.job.block.Offset}
	}
	return raw, nil
}

// Position returns where the record returned last is: the offset of its block,
// for [ReadBlockAt], and its index among the records of that.
func (r *Reader) Position() (block int64, index int) {
	return r.job.block.Offset, r.next - 1
}

// nextBlock goes on to the next block. The buffers of the one before are used
// again.
func (r *Reader) nextBlock() error {
	if r.blocks == nil {
		r.blocks = newPipeline(r.r, r.options.Workers, func(*Label) bool { return true })
	}
	r.recycle()
	j, err := r.blocks.next()
	if err != nil {
		return r.explain(err)
	}
	r.job, r.next = j, 0
	l := &j.block.Label
	if l.First {
		r.g = newGrammar(!r.options.SkipSHA256)
	}
	if l.Outside != r.g.outside() && l.Kinds != abortAlone {
		return j.block.locate(fault(ErrCorrupt, "label lies about where its first record stands"))
	}
	return nil
}

// abortAlone are the kinds of a block that holds an abort and nothing else. Its
// writer may be a filter that has copied blocks, and cannot know whether a group
// is open.
var abortAlone = KindSetOf(KindAbort)

// explain adds to the end of a stream that came too early how much of it came.
func (r *Reader) explain(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != ErrTruncated {
		return err
	}
	more := *e
	switch seen := r.g.total.byBit[bitOf(KindExperimentEnd)]; {
	case r.g.stage == stageDone: // it is the next one that is cut
	case r.g.planned > 0 && seen <= r.g.planned:
		more.Reason += fmt.Sprintf(" (%d of %d planned experiments seen)", seen, r.g.planned)
	default:
		more.Reason += fmt.Sprintf(" (%d whole experiments seen)", seen)
	}
	return &more
}

func (r *Reader) recycle() {
	if r.job == nil {
		return
	}
	putBuffer(r.job.block.Frame)
	putBuffer(r.job.content.data)
	r.blocks.release(r.job)
	r.job = nil
}

// All returns an iterator over the records that are left. It ends after the
// trailer of the last stream, or with an error. The records are valid as those of
// Next are.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next()
			if err == io.EOF || !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Totals returns the numbers of the current stream up to the record returned
// last.
func (r *Reader) Totals() Totals { return r.g.total.totals() }

// Close ends the Reader and frees what it holds. It does not close the underlying
// reader; a Read of it that is in progress is not interrupted.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = ErrClosed
	}
	r.stop()
	return nil
}

func (r *Reader) stop() {
	if r.blocks != nil {
		r.blocks.close()
	}
}
