package stream

import "strings"

// Close writes the trailer, waits until all is written and frees what the Writer
// holds. It leaves the underlying writer open. Do not defer it: a stream that
// Close has ended counts as complete. Where a group is open Close fails and
// writes no trailer, as it does after an error.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if w.err == nil && !w.ended {
		trailer := new(Trailer)
		w.g.fill(trailer)
		err = w.end(trailer)
	}
	return w.stop(err)
}

// maxMessage is more than anybody reads.
const maxMessage = 64 << 10

// Abort ends the stream as failed. The class is one of "interrupted",
// "unauthorized", "server", "input", "output" and "error"; the message is for
// people. Abort may be called at any place, and leaves the underlying writer open.
// Where there is no header yet it writes nothing.
func (w *Writer) Abort(class, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if w.err == nil && !w.ended && w.g.stage != stageHeader {
		message = strings.ToValidUTF8(message[:min(len(message), maxMessage)], "\uFFFD")
		err = w.end(&Abort{Class: class, Last: w.g.lastWhole, Message: message})
	}
	return w.stop(err)
}

// Stop writes what is left and frees what the Writer holds, and leaves the stream
// without an end: to its readers it is truncated.
func (w *Writer) Stop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stop(nil)
}

// end adds the last record.
func (w *Writer) end(rec Record) error {
	if err := w.ready(); err != nil {
		return err
	}
	if w.g.unseen && rec.Kind() == KindTrailer {
		return fault(ErrGrammar, "blocks were copied: the trailer is to be written by the one who knows what was in them")
	}
	if w.g.lost {
		w.closeBlock() // see abortAlone
	}
	return w.encode(rec)
}

// stop writes what is left and frees the output. The first error wins and sticks.
func (w *Writer) stop(err error) error {
	if w.err == nil {
		w.closeBlock()
	}
	w.ended = true
	if failed := w.out.close(); w.err == nil {
		w.err = failed
	}
	if w.err == nil {
		w.err = err
	}
	return w.err
}
