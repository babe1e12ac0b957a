package importer

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// Output is written in requests of about so many bytes and lines.
const (
	outputBytes = 1 << 20
	outputLines = 10000
)

// output writes what the experiment has printed. There is no way to replace
// output, only to add to it.
func (e *experiment) output(ctx context.Context, kind stream.Kind, output string) error {
	if output == "" || e.expect(func(x *expectation) { x.text(kind, output) }) {
		return nil
	}
	done := 0
	if e.there != nil {
		have, err := e.outputThere(ctx, output)
		if err == nil && have.fits && have.n < len(output) && !e.r.dry() {
			// What was written a moment ago may not show yet.
			have, err = e.outputSettled(ctx, output)
		}
		switch {
		case err != nil:
			return err
		case !have.fits:
			e.differs(Issue{Kind: string(kind), Reason: "the destination has another output, and output cannot be replaced"})
			return nil
		case have.n == len(output):
			return nil
		}
		done = have.n
	}
	return e.write(ctx, string(kind), func() error {
		err := e.writeOutput(ctx, output, done)
		if isUncertain(err) {
			return errPostponed
		}
		return err
	})
}

// errPostponed says that the rest of an output is written later.
var errPostponed = errors.New("the rest is written later")

// writeOutput writes the output from an offset on, until it is uncertain what has
// arrived.
func (e *experiment) writeOutput(ctx context.Context, output string, done int) error {
	for done < len(output) {
		lines, next := e.outputRequest(output, done)
		if err := e.r.c.WriteOutput(ctx, e.key, lines); err != nil {
			return err
		}
		done = next
	}
	return nil
}

// restOfOutput writes what has not arrived of the output, when nothing else of
// the experiment is being written.
func (e *experiment) restOfOutput(ctx context.Context, output string) error {
	for try := 1; ; try++ {
		have, err := e.outputSettled(ctx, output)
		switch {
		case err != nil:
			return err
		case !have.fits:
			return fmt.Errorf("after a lost answer the destination has another output: %w", errChanged)
		}
		err = e.writeOutput(ctx, output, have.n)
		if !isUncertain(err) || try == maxUncertain {
			return err
		}
	}
}

var errChanged = errors.New("something else writes to it")

// outputRequest returns lines for one request, and where the next one begins.
//
// The offset of a line is the place of its first byte in the whole output: it
// grows from line to line, and an import that goes on with what is there comes
// to the same ones.
func (e *experiment) outputRequest(output string, from int) (lines []comet.OutputLine, next int) {
	at := e.timeOf(integer{}) + int64(strings.Count(output[:from], "\n"))
	next = from
	for next < len(output) && len(lines) < outputLines && next-from < outputBytes {
		end := lineEnd(output, next)
		lines = append(lines, comet.OutputLine{Text: output[next:end], Time: at, Offset: int64(next)})
		at++
		next = end
	}
	return lines, next
}

// lineEnd returns where the line that begins at from ends. One that is too long
// is cut between two characters.
func lineEnd(output string, from int) int {
	end := len(output)
	if i := strings.IndexByte(output[from:], '\n'); i >= 0 {
		end = from + i + 1
	}
	if end-from <= outputBytes {
		return end
	}
	end = from + outputBytes
	for end > from+outputBytes-utf8.UTFMax && !utf8.RuneStart(output[end]) {
		end--
	}
	return end
}

// outputState is what the destination has of an output.
type outputState struct {
	fits bool // it is how the output begins
	n    int  // its length
	hash uint64
}

// outputSettled reads until enough readings agree, or all of it is there, or
// something else is seen to write to it.
func (e *experiment) outputSettled(ctx context.Context, output string) (outputState, error) {
	before := outputState{n: -1}
	for n, agree := 1, 1; ; n, agree = n+1, agree+1 {
		if n == maxReadings {
			return before, errChanged
		}
		have, err := e.outputThere(ctx, output)
		if err != nil || have.fits && have.n == len(output) {
			return have, err
		}
		if have != before {
			before, agree = have, 1
		}
		if agree == agreeing {
			return have, nil
		}
		if err := e.settle(ctx); err != nil {
			return outputState{}, err
		}
	}
}

// outputThere reads the output of the destination.
func (e *experiment) outputThere(ctx context.Context, output string) (s outputState, err error) {
	err = e.r.steady(ctx, func() (err error) {
		s, err = e.readOutput(ctx, output)
		return err
	})
	return s, err
}

func (e *experiment) readOutput(ctx context.Context, output string) (outputState, error) {
	t, err := e.r.c.Output(ctx, e.key)
	if err != nil {
		if isAbsent(err) {
			return outputState{fits: true}, nil
		}
		return outputState{}, err
	}
	defer t.Close()
	s := outputState{fits: true}
	var h maphash.Hash
	h.SetSeed(hashSeed)
	buf := make([]byte, 32<<10)
	for {
		n, err := t.Read(buf)
		h.Write(buf[:n])
		s.fits = s.fits && len(output)-s.n >= n && output[s.n:s.n+n] == string(buf[:n])
		s.n += n
		switch {
		case err == io.EOF:
			s.hash = h.Sum64()
			return s, nil
		case err != nil:
			return s, err
		}
	}
}
