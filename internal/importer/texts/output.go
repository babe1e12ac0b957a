package texts

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
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

const kindOutput = string(stream.KindOutput)

// Output is written in requests of about so many bytes and lines.
const (
	outputBytes = 1 << 20
	maxLines    = 10000
)

// putOutput writes what the experiment has printed. There is no way to replace
// output, only to add to it.
func (t *Texts) putOutput(ctx context.Context, output content.Text) error {
	issue := report.Issue{Kind: kindOutput}
	return reconcile.Put(ctx, t.Subject(), &reconcile.Item[outputState]{
		Issue: issue,
		Read: func(ctx context.Context) (outputState, error) {
			have, err := t.existingOutput(ctx, output)
			if err == nil && !have.other && have.n < output.Size && !t.Dry() {
				// What was just written may not show yet.
				have, err = t.outputSettled(ctx, output)
			}
			return have, err
		},
		Compare: func(have outputState) []reconcile.Difference {
			if have.n == output.Size && !have.other {
				return nil
			}
			d := reconcile.Differs(issue, !have.other, "the destination has a different output, and no call replaces it")
			d[0].Fixed = have.other
			return d
		},
		Write: func(ctx context.Context, f reconcile.Found[outputState]) error {
			done, err := t.writeOutput(ctx, output, f.Have.n)
			if answer.Uncertain(err) {
				return &postponedError{done, err}
			}
			return err
		},
		NoReadBack: true,
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
func (t *Texts) writeOutput(ctx context.Context, output content.Text, done int64) (int64, error) {
	err := flow.WithBudget(ctx, t.Memory, min(4*output.Size, outputMemory), func() error {
		o, err := t.openOutput(output, done)
		if err != nil {
			return err
		}
		defer o.rc.Close()
		for {
			lines, err := o.next()
			if err != nil || len(lines) == 0 {
				return err
			}
			if err := t.Client.Texts.WriteOutput(ctx, t.Key, lines); err != nil {
				return err
			}
			done = o.off
		}
	})
	return done, err
}

// restOfOutput writes what has not arrived of the output, when nothing else of
// the experiment is being written. before says why that is uncertain.
func (t *Texts) restOfOutput(ctx context.Context, output content.Text, before *postponedError) error {
	ctx = comet.OneItem(ctx)
	done := before.done
	return t.Certain(ctx, before.err, func() (reconcile.Extent, error) {
		have, err := t.outputSettled(ctx, output)
		if err == nil && have.other {
			err = errOtherOutput
		}
		extent := reconcile.None
		switch {
		case have.n == output.Size:
			extent = reconcile.All
		case have.n > done:
			extent = reconcile.Partly
		}
		done = have.n
		return extent, err
	}, func() (err error) {
		done, err = t.writeOutput(ctx, output, done)
		return err
	})
}

func (t *Texts) finishOutput(ctx context.Context, whole *spool.Spool, output content.Text, p *postponedError) {
	defer whole.Close()
	if t.Failure.Stops() {
		return
	}
	err := t.restOfOutput(ctx, output, p)
	if err == nil {
		t.Wrote(kindOutput)
	}
	t.Item(report.Issue{Kind: kindOutput}, err)
}

var errOtherOutput = errors.New("after a lost response the destination has a different output: another process writes to it")

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
func (t *Texts) openOutput(output content.Text, from int64) (*outputLines, error) {
	rc, err := output.Open()
	if err != nil {
		return nil, err
	}
	var before lineCounter
	if _, err := io.CopyN(&before, rc, from); err != nil {
		rc.Close()
		return nil, err
	}
	return &outputLines{rc: rc, off: from, time: t.TimeOf(document.Int{}) + int64(before)}, nil
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
	other bool  // it is not how the output begins
	n     int64 // its length
	hash  uint64
}

var outputSeed = maphash.MakeSeed()

// outputSettled reads until enough readings agree, or all of it is there.
func (t *Texts) outputSettled(ctx context.Context, output content.Text) (outputState, error) {
	return reconcile.Settle(ctx, t.WaitSettled, reconcile.Agreeing, func(int) (outputState, bool, error) {
		have, err := t.existingOutput(ctx, output)
		return have, !have.other && have.n == output.Size, err
	})
}

func (t *Texts) existingOutput(ctx context.Context, output content.Text) (s outputState, err error) {
	err = t.ReadStable(ctx, func() (err error) {
		s, err = t.readOutput(ctx, output)
		return err
	})
	return s, err
}

func (t *Texts) readOutput(ctx context.Context, output content.Text) (outputState, error) {
	rc, err := t.Client.Texts.Output(ctx, t.Key)
	if err != nil {
		if answer.Absent(err) {
			err = nil
		}
		return outputState{}, err
	}
	defer rc.Close()
	want, err := output.Open()
	if err != nil {
		return outputState{}, err
	}
	defer want.Close()
	var s outputState
	var h maphash.Hash
	h.SetSeed(outputSeed)
	buf, expected := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, err := rc.Read(buf)
		h.Write(buf[:n])
		if !s.other && n > 0 {
			k, wantErr := io.ReadFull(want, expected[:n])
			if wantErr != nil && wantErr != io.EOF && wantErr != io.ErrUnexpectedEOF {
				return s, wantErr
			}
			s.other = !bytes.Equal(expected[:k], buf[:n])
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
