package importer

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
	"golang.org/x/sync/semaphore"
)

// Output is written in requests of about so many bytes and lines.
const (
	outputBytes = 1 << 20
	maxLines    = 10000
)

// outputs write what an experiment has printed.
type outputs struct {
	*session.Experiment
	memory *semaphore.Weighted // for requests that are built
	// later notes what a verification has to find of an output, and reports whether
	// that is all there is to do.
	later func(content.Text) bool
}

// output writes what the experiment has printed. There is no way to replace
// output, only to add to it.
func (e *outputs) output(ctx context.Context, kind stream.Kind, output content.Text) error {
	if output.Size == 0 || e.later(output) {
		return nil
	}
	var done int64
	if e.Existing != nil {
		have, err := e.outputThere(ctx, output)
		if err == nil && have.fits && have.n < output.Size && !e.Dry() {
			// What was written a moment ago may not show yet.
			have, err = e.outputSettled(ctx, output)
		}
		switch {
		case err != nil:
			return err
		case !have.fits:
			e.Differs(report.Issue{Kind: string(kind), Reason: "the destination has another output, and output cannot be replaced"})
			return nil
		case have.n == output.Size:
			return nil
		}
		done = have.n
	}
	return e.Write(ctx, string(kind), func() error {
		done, err := e.writeOutput(ctx, output, done)
		if answer.Uncertain(err) {
			return &postponedError{done, err}
		}
		return err
	})
}

// postponedError says that the rest of an output is written later: how much of it
// has arrived for sure, and why it is uncertain whether more has.
type postponedError struct {
	done int64
	err  error
}

func (e *postponedError) Error() string { return "the rest is written later: " + e.err.Error() }

// outputMemory is what the requests for an output take at most: the lines, their
// JSON and what it becomes.
const outputMemory = 8 << 20

// writeOutput writes the output from an offset on, until it is uncertain what has
// arrived. It returns how much has for sure.
func (e *outputs) writeOutput(ctx context.Context, output content.Text, done int64) (int64, error) {
	err := flow.WithRoom(ctx, e.memory, min(4*output.Size, outputMemory), func() error {
		o, err := e.openOutput(output, done)
		if err != nil {
			return err
		}
		defer o.rc.Close()
		for {
			lines, err := o.next()
			if err != nil || len(lines) == 0 {
				return err
			}
			if err := e.Client.Texts.WriteOutput(ctx, e.Key, lines); err != nil {
				return err
			}
			done = o.off
		}
	})
	return done, err
}

// restOfOutput writes what has not arrived of the output, when nothing else of
// the experiment is being written. before says why that is uncertain.
func (e *outputs) restOfOutput(ctx context.Context, output content.Text, before *postponedError) error {
	done := before.done
	return e.Certain(before.err, func() (reconcile.Extent, error) {
		have, err := e.outputSettled(ctx, output)
		if err == nil && !have.fits {
			err = errOtherOutput
		}
		extent := reconcile.None
		switch {
		case have.n == output.Size:
			extent = reconcile.All
		case have.n > done:
			extent = reconcile.Some
		}
		done = have.n
		return extent, err
	}, func() (err error) {
		done, err = e.writeOutput(ctx, output, done)
		return err
	})
}

var errOtherOutput = errors.New("after a lost answer the destination has another output: something else writes to it")

// outputLines gives the lines of an output, request by request.
//
// The offset of a line is the place of its first byte in the whole output: it
// grows from line to line, and an import that goes on with what is there comes
// to the same ones. So does its time.
type outputLines struct {
	rc   io.ReadCloser
	off  int64  // of the next line
	time int64  // of the next line
	buf  []byte // what has been read and not given
	err  error  // of rc; io.EOF at its end
}

// openOutput returns the lines of an output from an offset on.
func (e *outputs) openOutput(output content.Text, from int64) (*outputLines, error) {
	rc, err := output.Open()
	if err != nil {
		return nil, err
	}
	var before lineCounter
	if _, err := io.CopyN(&before, rc, from); err != nil {
		rc.Close()
		return nil, err
	}
	return &outputLines{rc: rc, off: from, time: e.TimeOf(document.Int{}) + int64(before)}, nil
}

type lineCounter int64

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// next returns lines for one request, none at the end.
func (o *outputLines) next() (lines []comet.OutputLine, err error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	n := 0
	for n < len(o.buf) && len(lines) < maxLines && n < outputBytes {
		end := n + lineEnd(o.buf[n:])
		lines = append(lines, comet.OutputLine{Text: string(o.buf[n:end]), Time: o.time, Offset: o.off + int64(n)})
		if o.buf[end-1] == '\n' {
			o.time++
		}
		n = end
	}
	o.off += int64(n)
	o.buf = o.buf[:copy(o.buf, o.buf[n:])]
	return lines, nil
}

// fill reads as much as lines for one request may take.
func (o *outputLines) fill() error {
	const most = 2*outputBytes + utf8.UTFMax
	for o.err == nil && len(o.buf) < most {
		if len(o.buf) == cap(o.buf) {
			o.buf = slices.Grow(o.buf, min(max(len(o.buf), 64<<10), most-len(o.buf)))
		}
		var n int
		n, o.err = o.rc.Read(o.buf[len(o.buf):min(cap(o.buf), most)])
		o.buf = o.buf[:len(o.buf)+n]
	}
	if o.err == io.EOF {
		return nil
	}
	return o.err
}

// lineEnd returns where the first line ends. One that is too long is cut between
// two characters.
func lineEnd(output []byte) int {
	end := len(output)
	if i := bytes.IndexByte(output, '\n'); i >= 0 {
		end = i + 1
	}
	if end <= outputBytes {
		return end
	}
	end = outputBytes
	for end > outputBytes-utf8.UTFMax && !utf8.RuneStart(output[end]) {
		end--
	}
	return end
}

// outputState is what the destination has of an output.
type outputState struct {
	fits bool  // it is how the output begins
	n    int64 // its length
	hash uint64
}

var outputSeed = maphash.MakeSeed()

// outputSettled reads until enough readings agree, or all of it is there.
func (e *outputs) outputSettled(ctx context.Context, output content.Text) (outputState, error) {
	return reconcile.Settle(ctx, e.WaitSettled, reconcile.Agreeing, func(int) (outputState, bool, error) {
		have, err := e.outputThere(ctx, output)
		return have, have.fits && have.n == output.Size, err
	})
}

// outputThere reads the output of the destination.
func (e *outputs) outputThere(ctx context.Context, output content.Text) (s outputState, err error) {
	err = e.Steady(ctx, func() (err error) {
		s, err = e.readOutput(ctx, output)
		return err
	})
	return s, err
}

func (e *outputs) readOutput(ctx context.Context, output content.Text) (outputState, error) {
	t, err := e.Client.Texts.Output(ctx, e.Key)
	if err != nil {
		if answer.Absent(err) {
			return outputState{fits: true}, nil
		}
		return outputState{}, err
	}
	defer t.Close()
	want, err := output.Open()
	if err != nil {
		return outputState{}, err
	}
	defer want.Close()
	s := outputState{fits: true}
	var h maphash.Hash
	h.SetSeed(outputSeed)
	buf, expected := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := t.Read(buf)
		h.Write(buf[:n])
		if s.fits && n > 0 {
			k, wantErr := io.ReadFull(want, expected[:n])
			if wantErr != nil && wantErr != io.EOF && wantErr != io.ErrUnexpectedEOF {
				return s, wantErr
			}
			s.fits = bytes.Equal(expected[:k], buf[:n])
		}
		s.n += int64(n)
		switch {
		case err == io.EOF:
			s.hash = h.Sum64()
			return s, nil
		case err != nil:
			return s, err
		}
	}
}
