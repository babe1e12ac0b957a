package comettest

import (
	"io"
	"net/http"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func metricRoutes() []route {
	return []route{
		{method: "GET", path: "experiment/metrics/summary", handle: in(metricCall.metricSummary)},
		{method: "GET", path: "experiment/metrics/get-metric", handle: in(metricCall.getMetric)},
		{method: "GET", path: "experiment/metrics/get-all", since: version{3, 20, 60}, handle: in(metricCall.getAllMetrics)},
		{method: "POST", path: "experiments/multi-metric-chart", handle: in(metricCall.metricChart)},
	}
}

func (c metricCall) metricSummary() error {
	return c.readExperiment(func(e *experiment) error {
		docs := []summaryDoc{}
		for _, name := range e.names {
			sum := e.metrics[name].summary()
			if sum.any {
				docs = append(docs, newSummaryDoc(name, e.stamp(sum.min), e.stamp(sum.max), e.stamp(sum.current(c.moods))))
			}
		}
		return c.send(map[string]any{"values": docs})
	})
}

func (e *experiment) stamp(p point) stamped {
	s := stamped{text: p.value.String(), time: p.time, context: contextName(e.contexts, p.context)}
	if p.hasStep {
		s.step = &p.step
	}
	return s
}

// getMetric answers the points of one metric. An unknown metric has none.
func (c metricCall) getMetric() error {
	name, err := c.param("metricName")
	if err != nil {
		return err
	}
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	e.mu.Lock()
	s := e.snapshot(name)
	contexts := e.contexts
	e.mu.Unlock()
	var list []*series
	if s != nil {
		list = append(list, s)
	}
	return c.sendPoints(list, contexts)
}

func (c metricCall) getAllMetrics() error {
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	if c.moods.NoGetAll {
		return refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found")
	}
	e.mu.Lock()
	list := make([]*series, len(e.names))
	for i, name := range e.names {
		list[i] = e.snapshot(name)
	}
	contexts := e.contexts
	e.mu.Unlock()
	return c.sendPoints(list, contexts)
}

// sendPoints answers with the points of all the series. They are written as
// they are unpacked: an answer may be far larger than the store.
func (c metricCall) sendPoints(list []*series, contexts []string) error {
	if c.moods.ChangesDocs() {
		pw := newPointWriter(nil, contexts)
		c.writePoints(pw, list)
		c.sendRaw(pw.buf)
		return nil
	}
	var dst io.Writer = c.w
	c.w.Header().Set("Content-Type", "application/json")
	if c.acceptsGzip() {
		c.w.Header().Set("Content-Encoding", "gzip")
		zw := getGzip(c.w)
		defer putGzip(zw)
		dst = zw
	}
	pw := newPointWriter(dst, contexts)
	c.writePoints(pw, list)
	return pw.flush()
}

func (c metricCall) writePoints(pw *pointWriter, list []*series) {
	pw.buf = append(pw.buf, `{"metrics":[`...)
	if c.moods.InterleaveMetrics {
		c.interleave(pw, list)
	} else {
		for _, s := range list {
			pw.metric(s.name)
			s.kept(showingOf(c.moods), pw.point)
		}
	}
	pw.buf = append(pw.buf, "]}"...)
}

// interleave writes one point of each series after the other, round and round.
func (c metricCall) interleave(pw *pointWriter, list []*series) {
	points := make([][]point, len(list))
	for i, s := range list {
		s.kept(showingOf(c.moods), func(p *point) bool {
			points[i] = append(points[i], *p)
			return true
		})
	}
	for row, more := 0, true; more; row++ {
		more = false
		for i, s := range list {
			if row < len(points[i]) {
				pw.metric(s.name)
				pw.point(&points[i][row])
				more = true
			}
		}
	}
}

// pointWriter writes points as elements of a JSON list. With a nil
// destination it keeps everything in buf.
type pointWriter struct {
	dst      io.Writer
	buf      []byte
	name     []byte // of the metric, with what surrounds it
	contexts [][]byte
	some     bool
	err      error
}

const pointBuffer = 64 << 10

func newPointWriter(dst io.Writer, contexts []string) *pointWriter {
	w := &pointWriter{dst: dst, buf: make([]byte, 0, pointBuffer+1024), contexts: make([][]byte, len(contexts)+1)}
	w.contexts[0] = []byte("null}")
	for i, text := range contexts {
		w.contexts[i+1] = append(wire.AppendString(nil, text), '}')
	}
	return w
}

func (w *pointWriter) metric(name string) {
	w.name = append(w.name[:0], `{"metricName":`...)
	w.name = append(wire.AppendString(w.name, name), `,"metricValue":"`...)
}

// offsetBase is the offset of the first point of a series. Offsets grow with
// each that comes; they need not be small, and no double holds them.
const offsetBase = -227_196_944_980_285_897

// point writes p and reports whether it is worth going on.
func (w *pointWriter) point(p *point) bool {
	b := w.buf
	if w.some {
		b = append(b, ',')
	}
	w.some = true
	b = append(b, w.name...)
	if p.value.form == formText {
		b = wire.AppendString(b[:len(b)-1], p.value.text)
		b = append(b, `,"timestamp":`...)
	} else {
		b = p.value.appendTo(b)
		b = append(b, `","timestamp":`...)
	}
	b = strconv.AppendInt(b, p.time, 10)
	b = appendOptional(append(b, `,"step":`...), p.step, p.hasStep)
	b = appendOptional(append(b, `,"epoch":`...), p.epoch, p.hasEpo)
	b = strconv.AppendInt(append(b, `,"offset":`...), offsetBase+p.offset, 10)
	b = append(b, `,"runContext":`...)
	w.buf = append(b, w.contexts[p.context]...)
	if w.dst != nil && len(w.buf) >= pointBuffer {
		return w.flush() == nil
	}
	return true
}

func (w *pointWriter) flush() error {
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
