// Package join makes one stream of many: one header, one plan, one trailer, and
// between them each project, experiment and other thing once, wherever it came
// from.
//
//	err := join.Join(ctx, os.Stdout, []join.Input{{Name: "a", R: a}, {Name: "b", R: b}}, join.Options{Tool: "comet-filter v1.0.0"})
//
// Every input is read twice: first whole, with all checks of a reader, to learn
// what it has and where; then piece by piece, in the order of the new stream.
// Items that are the same in several inputs are written once, and two different
// items with one name are refused before anything is written. In memory are the
// names, places and hashes of things, and the blocks read last, up to a bound.
package join

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// An Input is a file that holds one stream, or several one after the other.
type Input struct {
	Name string // for messages
	R    io.ReaderAt
}

// Options say how a stream is made.
type Options struct {
	Tool     string             // name and version, for the header
	Counters *progress.Counters // what is counted; nil counts nothing
}

// An InputError is what is wrong with one input.
type InputError struct {
	Input string
	Err   error
}

// Error names the input.
func (e *InputError) Error() string { return e.Input + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *InputError) Unwrap() error { return e.Err }

// A ConflictError says that two inputs contradict each other.
type ConflictError struct {
	What string // such as experiment "k"
	A, B string // the inputs
}

// Error names the thing and both inputs.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: %s and %s have different records of it", e.What, e.A, e.B)
}

// Join writes the streams of all inputs to w as one. Nothing is written where an
// input is damaged, cut off or aborted (an [*InputError]), or where two contradict
// each other (a [*ConflictError]). Where the inputs are shards of a source and some of
// these are missing, the stream is written, and the error is a [*MissingError].
func Join(ctx context.Context, w io.Writer, inputs []Input, o Options) error {
	if o.Counters == nil {
		o.Counters = new(progress.Counters)
	}
	c := newContents()
	for i := range inputs {
		if err := c.read(ctx, &inputs[i], o.Counters); err != nil {
			return err
		}
	}
	c.settle()
	header, err := c.header(o.Tool)
	if err != nil {
		return err
	}
	out := stream.NewWriter(w, stream.WriterOptions{SkipSHA256: true}) // the first reading has checked it
	j := &joiner{w: out, counters: o.Counters}
	if err := j.write(ctx, header, c); err != nil {
		// An error of Abort follows from err, or is an error of the output as err
		// is.
		_ = out.Abort("error", err.Error())
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return missing(header.Scope.Selection)
}

// A joiner writes the new stream.
type joiner struct {
	w        *stream.Writer
	counters *progress.Counters
	blocks   blockCache
}

func (j *joiner) write(ctx context.Context, header *stream.Header, c *contents) error {
	if err := j.w.Write(header); err != nil {
		return err
	}
	if err := j.w.Write(c.plan()); err != nil {
		return err
	}
	if err := j.copyAll(ctx, c.first); err != nil {
		return err
	}
	for _, p := range c.inOrder() {
		record, err := p.record()
		if err == nil {
			err = j.w.WriteRaw(record)
		}
		if err == nil {
			err = j.copyAll(ctx, p.contents())
		}
		if err != nil {
			return err
		}
	}
	return j.copyAll(ctx, c.ofWorkspaces())
}

func (j *joiner) copyAll(ctx context.Context, items []*item) error {
	for _, it := range items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := j.copy(it); err != nil {
			return err
		}
		if it.kind == stream.KindExperiment {
			j.counters.Experiments.Add(1)
		}
	}
	return nil
}

// copy writes the records of an item.
func (j *joiner) copy(it *item) error {
	offset, index := it.offset, it.index
	for left := it.records; left > 0; index = 0 {
		b, err := j.blocks.at(it.in, offset)
		if err != nil {
			return &InputError{it.in.Name, err}
		}
		n := min(left, int64(len(b.records)-index))
		for _, r := range b.records[index : index+int(n)] {
			if err := j.w.WriteRaw(r); err != nil {
				return err
			}
		}
		left -= n
		offset = b.next
	}
	return nil
}

// maxCached bounds the blocks that are kept: those of inputs that take turns.
const maxCached = 48 << 20

// A blockCache keeps the blocks that were used last.
type blockCache struct {
	blocks []*openBlock // the one used last comes last
	size   int64
}

type openBlock struct {
	in      *Input
	offset  int64
	next    int64 // offset of what follows
	records []stream.Raw
	size    int64
}

func (c *blockCache) at(in *Input, offset int64) (*openBlock, error) {
	for i, b := range c.blocks {
		if b.in == in && b.offset == offset {
			copy(c.blocks[i:], c.blocks[i+1:])
			c.blocks[len(c.blocks)-1] = b
			return b, nil
		}
	}
	block, next, err := stream.ReadBlockAt(in.R, offset)
	if err != nil {
		return nil, err
	}
	b := &openBlock{in: in, offset: offset, next: next}
	if b.records, err = block.Records(); err != nil {
		return nil, err
	}
	const sizeOfRecord = 256 // what is kept of each beside its bytes
	b.size = int64(block.Label.ContentLen) + int64(len(b.records))*sizeOfRecord
	for c.size += b.size; c.size > maxCached && len(c.blocks) > 0; c.blocks = c.blocks[1:] {
		c.size -= c.blocks[0].size
		c.blocks[0] = nil
	}
	c.blocks = append(c.blocks, b)
	return b, nil
}

// section returns a reader of the whole input.
func (in *Input) section() *io.SectionReader { return io.NewSectionReader(in.R, 0, math.MaxInt64) }
