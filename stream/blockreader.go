package stream

import "io"

// BlockReaderOptions changes how a BlockReader works. The zero value serves.
type BlockReaderOptions struct {
	// Workers is the number of blocks that are checked and decoded at a time; 0
	// means GOMAXPROCS.
	Workers int
	// Decode selects the blocks whose records are decoded ahead and in parallel.
	// It is called from several goroutines. If it is nil none are; Records still
	// works.
	Decode func(*Label) bool
}

// A BlockReader reads the blocks of one or more streams without looking at their
// records. It checks labels, their order and the checksums of frames, and refuses
// a stream whose header asks for another reader; the order of records and totals
// are not checked.
//
// A BlockReader is not safe for concurrent use.
type BlockReader struct {
	r       io.Reader
	options BlockReaderOptions
	blocks  *pipeline
	last    *job
	err     error
}

// NewBlockReader returns a BlockReader of r. Nothing is read before the first
// call of Next.
func NewBlockReader(r io.Reader, o BlockReaderOptions) *BlockReader {
	return &BlockReader{r: r, options: o}
}

// Next returns the next block, which belongs to the caller. At the end it returns
// [io.EOF] or an error as [Reader.Next] does; an aborted stream, whose last block
// holds an abort, ends like a complete one.
func (r *BlockReader) Next() (*Block, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.blocks == nil {
		r.blocks = newPipeline(r.r, r.options.Workers, func(l *Label) bool {
			return l.First || r.options.Decode != nil && r.options.Decode(l)
		})
	}
	if r.last != nil {
		r.blocks.release(r.last)
	}
	j, err := r.blocks.next()
	if err == nil {
		err = j.checkHeader()
	}
	if err != nil {
		r.err = err
		r.blocks.close()
		return nil, err
	}
	r.last = j
	j.block.content = j.content
	return j.block, nil
}

// checkHeader checks the header of a stream that the block begins.
func (j *job) checkHeader() error {
	if !j.block.Label.First {
		return nil
	}
	for i, v := range j.content.records {
		if v.kind == KindHeader {
			err := checkHeader(v.decode().(*Header))
			return locate(err, int64(j.block.Label.Sequence)+int64(i), KindHeader, j.block.Offset)
		}
	}
	return nil
}

// Close ends the BlockReader and frees what it holds. It does not close the
// underlying reader; a Read of it that is in progress is not interrupted.
func (r *BlockReader) Close() error {
	if r.err == nil {
		r.err = ErrClosed
	}
	if r.blocks != nil {
		r.blocks.close()
	}
	return nil
}
