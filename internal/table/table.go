// Package table prints what streams hold as flat tables, for pandas, DuckDB and
// spreadsheets: one row a metric point ([Points]), or one row a parameter and other
// ([Values]).
//
//	p := table.NewPrinter(w, table.Points, table.CSV)
//	err := p.Record(record) // each one, in order
//	err = p.Close()
//
// Each row is whole: workspace, project, experiment and its name come first. CSV
// is that of RFC 4180, in UTF-8, with a header and lines that end in LF; TSV is
// the same with tabs, quotes included. A value that is absent is empty there, and
// null in JSON. Times are in UTC, 2023-11-14 22:13:20.000, which all three read
// as times. Numbers have the text that the server gave, NaN and Infinity
// included. Data without a column, such as unknown fields of points, is only in
// the JSON form.
package table

import (
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// A Format is how rows are printed.
type Format string

// The formats of rows.
const (
	CSV   Format = "csv"
	TSV   Format = "tsv"
	JSONL Format = "jsonl" // a JSON object a row
)

// A Kind is what the rows are.
type Kind struct {
	kinds   stream.KindSet // that have rows
	columns []string       // after those of the experiment
	rows    func(w *rowWriter, rec stream.Record)
}

// ofExperiment are the columns that each row begins with.
var ofExperiment = []string{"workspace", "project", "experiment", "experiment_name"}

// The tables.
var (
	// Points has a row for each metric point.
	Points = Kind{
		kinds:   stream.KindSetOf(stream.KindMetrics),
		columns: []string{"metric", "context", "step", "epoch", "time", "value"},
		rows:    pointRows,
	}
	// Values has a row for each parameter and each other.
	Values = Kind{
		kinds:   stream.KindSetOf(stream.KindParameters, stream.KindOthers),
		columns: []string{"kind", "name", "value", "min", "max", "time"},
		rows:    valueRows,
	}
)

// Needs are the kinds of records that the table is made from.
func (k Kind) Needs() stream.KindSet { return k.kinds | stream.KindSetOf(stream.KindExperiment) }

// A Printer prints a table. Rows are made by several goroutines and printed in the
// order of their records.
type Printer struct {
	w      io.Writer
	kind   Kind
	format Format
	prefix []byte // of the rows of the open experiment

	order chan *batch   // its room bounds the batches in flight
	ended chan struct{} // closed when all is written
	once  sync.Once

	mu  sync.Mutex
	err error // of the output; sticks
}

// A batch is the rows of one record.
type batch struct {
	record stream.Raw
	prefix []byte
	rows   []byte
	err    error
	done   chan struct{}
}

// NewPrinter returns a Printer of a table. It holds a goroutine until Close.
func NewPrinter(w io.Writer, kind Kind, format Format) *Printer {
	p := &Printer{w: w, kind: kind, format: format, order: make(chan *batch, 2*runtime.GOMAXPROCS(0)), ended: make(chan struct{})}
	go p.print()
	return p
}

// Record prints the rows of the next record. It takes the record over. An error may
// be that of a record before.
func (p *Printer) Record(r stream.Raw) error {
	if r.Kind == stream.KindExperiment {
		rec, err := r.Decode()
		if err == nil {
			p.begin(rec.(*stream.Experiment))
		}
		return err
	}
	if !p.kind.kinds.Has(r.Kind) {
		return nil
	}
	b := &batch{record: r, prefix: p.prefix, done: make(chan struct{})}
	p.order <- b
	go p.fill(b)
	return p.failed()
}

// Close waits until all rows are written, and returns the first error of that.
func (p *Printer) Close() error {
	p.once.Do(func() { close(p.order) })
	<-p.ended
	return p.failed()
}

func (p *Printer) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *Printer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// begin makes what the rows of an experiment begin with.
func (p *Printer) begin(e *stream.Experiment) {
	w := &rowWriter{format: p.format}
	w.names = ofExperiment
	w.text(e.Workspace)
	w.text(e.Project)
	w.text(e.Key)
	if e.Name != nil {
		w.text(*e.Name)
	} else {
		w.absent()
	}
	p.prefix = w.out
}

// fill makes the rows of a batch.
func (p *Printer) fill(b *batch) {
	defer close(b.done)
	rec, err := b.record.Decode()
	b.record = stream.Raw{} // not to be kept until the rows are printed
	if b.err = err; err != nil {
		return
	}
	w := &rowWriter{format: p.format, prefix: b.prefix, names: p.kind.columns, out: *buffers.Get().(*[]byte)}
	p.kind.rows(w, rec)
	b.rows = w.out
}

// buffers keeps the buffers of rows for the next ones.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const largestPooled = 4 << 20

// print prints rows in order. After an error it takes what comes and drops it.
func (p *Printer) print() {
	defer close(p.ended)
	if head := p.head(); head != nil {
		p.write(head)
	}
	for b := range p.order {
		<-b.done
		if b.err != nil {
			p.fail(b.err)
		}
		p.write(b.rows)
		if rows := b.rows[:0]; cap(rows) <= largestPooled {
			buffers.Put(&rows)
		}
	}
}

func (p *Printer) write(rows []byte) {
	if p.failed() != nil || len(rows) == 0 {
		return
	}
	n, err := p.w.Write(rows)
	if err == nil && n < len(rows) {
		err = io.ErrShortWrite
	}
	if err != nil {
		p.fail(err)
	}
}

// head returns the line of the names of columns.
func (p *Printer) head() []byte {
	if p.format == JSONL {
		return nil
	}
	w := &rowWriter{format: p.format}
	for _, name := range append(append([]string{}, ofExperiment...), p.kind.columns...) {
		w.text(name)
	}
	return append(w.out, '\n')
}

// A rowWriter appends rows to out.
type rowWriter struct {
	format Format
	prefix []byte   // of each row
	names  []string // of the columns after it
	out    []byte
	column int
	day    int64 // the day of date, from 1; 0 = none
	date   []byte
}

func (w *rowWriter) row() {
	w.column = 0
	w.out = append(w.out, w.prefix...)
}

func (w *rowWriter) endRow() {
	if w.format == JSONL {
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, '\n')
}

// cell begins the next cell of the row.
func (w *rowWriter) cell() {
	first := w.column == 0 && len(w.prefix) == 0
	switch {
	case w.format == JSONL:
		if first {
			w.out = append(w.out, '{')
		} else {
			w.out = append(w.out, ',')
		}
		w.out = append(append(append(w.out, '"'), w.names[w.column]...), `":`...)
	case first:
	case w.format == TSV:
		w.out = append(w.out, '\t')
	default:
		w.out = append(w.out, ',')
	}
	w.column++
}

// absent is a cell without a value.
func (w *rowWriter) absent() {
	w.cell()
	if w.format == JSONL {
		w.out = append(w.out, "null"...)
	}
}

// text is a cell of text. An empty one has quotes, and one that is absent has not.
func (w *rowWriter) text(s string) {
	w.cell()
	if w.format == JSONL {
		text, _ := json.Marshal(s) // strings cannot fail
		w.out = append(w.out, progress.EscapeJSON(text)...)
		return
	}
	if s != "" && plain(s) {
		w.out = append(w.out, s...)
		return
	}
	w.out = append(w.out, '"')
	for i := range len(s) {
		if s[i] == '"' {
			w.out = append(w.out, '"')
		}
		w.out = append(w.out, s[i])
	}
	w.out = append(w.out, '"')
}

// plain reports whether a text needs no quotes, whatever parts the cells.
func plain[T string | []byte](s T) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == ',', c == '\n', c == '\r', c == '\t', c == ';':
			return false
		case c == ' ' && (i == 0 || i == len(s)-1):
			return false
		}
	}
	return true
}

func (w *rowWriter) int(v stream.Int64) {
	if !v.OK {
		w.absent()
		return
	}
	w.cell()
	w.out = strconv.AppendInt(w.out, v.V, 10)
}

// value is a cell with the value of a point.
func (w *rowWriter) value(v stream.Value) {
	switch {
	case v.IsNull():
		w.absent()
	case w.format == JSONL:
		w.cell()
		w.out = v.AppendJSON(w.out)
	default:
		before, column := len(w.out), w.column
		w.cell()
		start := len(w.out)
		w.out = v.AppendText(w.out)
		if !plain(w.out[start:]) {
			w.out, w.column = w.out[:before], column
			w.text(v.Text())
		}
	}
}

// lastMillis is the last millisecond of the year 9999: later times have no form
// that is read as one.
const lastMillis = 253402300799999

// time is a cell with a time in ms since the epoch.
func (w *rowWriter) time(v stream.Int64) {
	if !v.OK || v.V < 0 || v.V > lastMillis {
		w.int(v)
		return
	}
	w.cell()
	if w.format == JSONL {
		w.out = append(w.out, '"')
	}
	const dayMillis = 24 * 60 * 60 * 1000
	if day := v.V/dayMillis + 1; day != w.day {
		w.day, w.date = day, time.UnixMilli(v.V).UTC().AppendFormat(w.date[:0], "2006-01-02 ")
	}
	w.out = append(w.out, w.date...)
	ms := v.V % dayMillis
	w.digits(':', ms/3600_000)
	w.digits(':', ms/60_000%60)
	w.digits('.', ms/1000%60)
	ms %= 1000
	w.out = append(w.out, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	if w.format == JSONL {
		w.out = append(w.out, '"')
	}
}

// digits appends two digits and what follows them.
func (w *rowWriter) digits(then byte, n int64) {
	w.out = append(w.out, byte('0'+n/10), byte('0'+n%10), then)
}
