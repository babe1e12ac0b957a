package metric

import (
	"io"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// Writer writes points as JSON, as servers answer them.
type Writer struct {
	dst      io.Writer
	buf      []byte
	name     []byte // of the metric, with what surrounds it
	contexts [][]byte
	some     bool
	err      error
}

const pointBuffer = 64 << 10

// NewWriter writes points to dst, whose contexts are indexes into a list.
func NewWriter(dst io.Writer, contexts []string) *Writer {
	w := &Writer{dst: dst, buf: make([]byte, 0, pointBuffer+1024), contexts: make([][]byte, len(contexts)+1)}
	w.contexts[0] = []byte("null}")
	for i, text := range contexts {
		w.contexts[i+1] = append(wire.AppendString(nil, text), '}')
	}
	w.buf = append(w.buf, `{"metrics":[`...)
	return w
}

// Metric names the metric of the points that follow.
func (w *Writer) Metric(name string) {
	w.name = append(w.name[:0], `{"metricName":`...)
	w.name = append(wire.AppendString(w.name, name), `,"metricValue":"`...)
}

// offsetBase is the offset of the first point of a series. Offsets grow with
// each that comes; they need not be small, and no double holds them.
const offsetBase = -227_196_944_980_285_897

// Point writes p, and reports whether it is worth going on.
func (w *Writer) Point(p *Point) bool {
	b := w.buf
	if w.some {
		b = append(b, ',')
	}
	w.some = true
	b = append(b, w.name...)
	if p.Value.form == formText {
		b = wire.AppendString(b[:len(b)-1], p.Value.text)
		b = append(b, `,"timestamp":`...)
	} else {
		b = p.Value.appendTo(b)
		b = append(b, `","timestamp":`...)
	}
	b = strconv.AppendInt(b, p.Time, 10)
	b = appendOptional(append(b, `,"step":`...), p.Step, p.HasStep)
	b = appendOptional(append(b, `,"epoch":`...), p.Epoch, p.HasEpoch)
	b = strconv.AppendInt(append(b, `,"offset":`...), offsetBase+p.offset, 10)
	b = append(b, `,"runContext":`...)
	w.buf = append(b, w.contexts[p.Context]...)
	if len(w.buf) >= pointBuffer {
		return w.flush() == nil
	}
	return true
}

// Close writes what is left, and the end. It does not close what it writes to.
func (w *Writer) Close() error {
	w.buf = append(w.buf, "]}"...)
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err == nil {
		_, w.err = w.dst.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

func appendOptional(dst []byte, v int64, have bool) []byte {
	if !have {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, v, 10)
}
