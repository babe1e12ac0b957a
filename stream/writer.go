package stream

import (
	"io"
	"runtime"
	"sync"
	"time"
)

// WriterOptions changes how a Writer works. The zero value serves.
type WriterOptions struct {
	// Level is the zstd level, 1 to 22; 0 means 3.
	Level int
	// BlockSize is the size of content at which a block is closed; 0 means 1 MiB.
	// A larger record makes a larger block.
	BlockSize int
	// Workers is the number of blocks that are compressed at a time; 0 means
	// GOMAXPROCS.
	Workers int
	// FlushAfter is how long after its first record a block is closed, whatever
	// its size; 0 means 2 s, and a negative value for never.
	FlushAfter time.Duration
	// KeepAlive is the time without a block after which an empty frame is
	// written; 0 means 15 s, and a negative value for never.
	KeepAlive time.Duration
	// SkipSHA256 takes the SHA-256 of asset-end records as they are given, for
	// those who pass on assets that have been checked.
	SkipSHA256 bool
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.Level == 0 {
		o.Level = 3
	}
	if o.BlockSize <= 0 {
		o.BlockSize = 1 << 20
	}
	o.BlockSize = min(o.BlockSize, maxContent-maxRecord)
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.FlushAfter == 0 {
		o.FlushAfter = 2 * time.Second
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	return o
}

// A Writer writes one stream: a [Header], a [Plan], and what follows in the order
// of the grammar, which it checks. It closes blocks by itself, compresses them in
// parallel and writes them in order.
//
// A Writer holds goroutines until Close, Abort or Stop is called, also after an
// error. Its methods may be called from several goroutines, one after the other;
// Totals and BytesWritten at any time.
type Writer struct {
	mu      sync.Mutex
	options WriterOptions
	g       *grammar
	taking  sync.Mutex // held where g moves on: Totals must not wait for a slow output
	id      [8]byte
	err     error // sticks
	ended   bool  // trailer, abort or Stop

	scratch []byte // the last record encoded
	block   []byte // content of the open block
	records uint32
	kinds   KindSet
	outside bool   // the first record of the open block is outside any group
	first   uint64 // its number
	timer   *time.Timer
	closed  uint64 // blocks closed, so that a late timer leaves the next one alone

	out *output
}

// NewWriter returns a Writer that writes a new stream to w.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	return newWriter(w, o, newGrammar(!o.SkipSHA256))
}

func newWriter(w io.Writer, o WriterOptions, g *grammar) *Writer {
	o = o.withDefaults()
	return &Writer{options: o, g: g, out: newOutput(w, o)}
}

// Write adds a record. It fills in, in the record itself, the numbers of the
// records that end a group or the stream and, where empty, the key or id of the
// group; in a header the format, the version and, where empty, the id. An
// asset-end gets size and SHA-256 where its SHA256 is empty; else they are
// checked.
//
// A record that breaks a limit or may not come next gives an error and is not
// written; the Writer can continue with another record. An error of the
// underlying writer is sticky: every later call returns it.
//
// The record is encoded before Write returns, and may be used again.
func (w *Writer) Write(rec Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	w.g.fill(rec)
	return w.encode(rec)
}

// encode adds a record as it is.
func (w *Writer) encode(rec Record) error {
	data, err := appendRecord(w.scratch[:0], rec)
	if err != nil {
		return locate(err, w.g.n, rec.Kind(), -1)
	}
	if cap(data) <= 2<<20 {
		w.scratch = data // the room of one odd record is not kept
	}
	v, err := checkRecord(data)
	if err == nil && len(v.data) != len(data) {
		err = fault(ErrCorrupt, "document that is not one value")
	}
	if err != nil {
		return locate(err, w.g.n, rec.Kind(), -1)
	}
	return w.add(&v)
}

// WriteRaw adds a record that has been read from another stream. Its numbers are
// checked where the Writer knows them: see WriteBlock. A trailer or an abort ends
// the stream; Close must still be called.
func (w *Writer) WriteRaw(r Raw) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	v, err := r.checked()
	if err != nil {
		return locate(err, w.g.n, r.Kind, -1)
	}
	w.g.at(r.place)
	return w.add(v)
}

// add adds a checked record to the open block, or to a new one where it is too
// large for that.
func (w *Writer) add(v *view) error {
	outside, number := w.g.outside() || alwaysOutside.Has(v.kind), w.g.n
	w.taking.Lock()
	err := w.g.next(v)
	w.taking.Unlock()
	if err != nil {
		return err
	}
	if len(w.block)+len(v.data) > w.options.BlockSize || w.records == maxRecords {
		w.closeBlock()
	}
	if w.records == 0 {
		w.outside, w.first = outside, uint64(number)
		w.startTimer()
	}
	w.block = append(w.block, v.data...)
	w.records++
	w.kinds |= 1 << v.bit
	if v.kind == KindHeader {
		w.id, _ = streamID(v.decode().(*Header).ID)
	}
	if v.kind == KindTrailer || v.kind == KindAbort {
		w.ended = true
	}
	if v.kind == KindHeader || v.kind == KindPlan || w.ended || len(w.block) >= w.options.BlockSize {
		w.closeBlock()
	}
	return nil
}

func (w *Writer) ready() error {
	switch {
	case w.err != nil:
		return w.err
	case w.ended:
		return ErrClosed
	}
	w.err = w.out.failed()
	return w.err
}

// closeBlock hands the open block to the workers.
func (w *Writer) closeBlock() {
	if w.records == 0 {
		return
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.closed++
	l := Label{
		First: w.first == 0, Outside: w.outside, Last: w.kinds.HasAny(endKinds), Records: w.records,
		Sequence: w.first, Kinds: w.kinds, Stream: w.id, ContentLen: uint32(len(w.block)),
	}
	content := w.block
	w.block, w.records, w.kinds = getBuffer(), 0, 0
	if cap(w.block) < len(content) {
		w.block = newBuffer(len(content)) // the next block is most often as large
	}
	w.out.block(l, content)
}

var endKinds = KindSetOf(KindTrailer, KindAbort)

func (w *Writer) startTimer() {
	if w.options.FlushAfter < 0 {
		return
	}
	number := w.closed
	w.timer = time.AfterFunc(w.options.FlushAfter, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.closed == number && !w.ended {
			w.closeBlock()
		}
	})
}

// Flush closes the open block and waits until all that was added has been
// written to the underlying writer.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	w.closeBlock()
	w.err = w.out.wait()
	return w.err
}

// Totals returns the numbers of the records added so far. Records in copied
// blocks are not among them.
func (w *Writer) Totals() Totals {
	w.taking.Lock()
	defer w.taking.Unlock()
	return w.g.total.totals()
}

// BytesWritten returns the number of bytes that the underlying writer has taken.
func (w *Writer) BytesWritten() int64 { return w.out.written.Load() }
