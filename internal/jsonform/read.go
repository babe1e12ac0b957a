package jsonform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// Options say how lines become streams.
type Options struct {
	Tool     string             // name and version, for a header that names none
	Counters *progress.Counters // of experiments; nil counts nothing
}

// A LineError says what is wrong with a line of the input.
type LineError struct {
	Line int64 // from 1
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// maxLine is more than the longest record takes, with all of its text escaped.
const maxLine = 96 << 20

// Read writes the streams whose records stand in r, one a line, to w. It fails
// with a [*LineError] at a line that is not a record or is not allowed there, and
// with the error of w where that fails;
// what has been written then ends with an abort. Where the lines end before a
// trailer, so does the stream, and the error wraps [stream.ErrTruncated].
func Read(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	if o.Counters == nil {
		o.Counters = new(progress.Counters)
	}
	d := &reader{out: &output{Writer: w}, options: o}
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := int64(1); ; n++ {
		line, err := readLine(ctx, lines)
		if line = bytes.TrimSpace(line); len(line) > 0 && (err == nil || err == io.EOF) {
			if failed := d.line(line); failed != nil {
				err = failed
				if !d.out.failed.Load() {
					err = &LineError{n, failed}
				}
			}
		}
		if err == io.EOF {
			return d.end(n)
		}
		if err != nil {
			return d.fail(ctx, err)
		}
	}
}

func readLine(ctx context.Context, r *bufio.Reader) (line []byte, err error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errors.New("longer than any record")
		}
		if err != bufio.ErrBufferFull && line == nil {
			return part, err
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// An output tells what went wrong with it from what is wrong with the input.
type output struct {
	io.Writer
	failed atomic.Bool
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.failed.Store(true)
	}
	return n, err
}

// A reader is one run of Read.
type reader struct {
	out     *output
	options Options
	w       *stream.Writer // nil between streams
	aborted error          // the first abort
	ended   bool           // a stream has been written
}

// end ends a run whose lines have ended.
func (d *reader) end(n int64) error {
	if d.w != nil || !d.ended {
		truncated := &stream.Error{Class: stream.ErrTruncated, Record: -1, Offset: -1, Reason: "the lines end before a trailer"}
		if d.w != nil {
			return errors.Join(&LineError{n, truncated}, d.w.Stop())
		}
		return &LineError{n, truncated}
	}
	return d.aborted
}

// fail ends a run that cannot go on.
func (d *reader) fail(ctx context.Context, err error) error {
	if d.w == nil {
		return err
	}
	class := "input"
	if ctx.Err() != nil {
		class = "interrupted"
	}
	if failed := d.w.Abort(class, err.Error()); failed != nil && !errors.Is(err, failed) {
		return errors.Join(err, failed)
	}
	return err
}

// envelope is what a line holds. The other members are for people.
type envelope struct {
	Kind    *string         `json:"kind"`
	Body    json.RawMessage `json:"body"`
	Msgpack *string         `json:"msgpack"`
}

func (d *reader) line(line []byte) error {
	var e envelope
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	if e.Kind == nil {
		return errors.New(`not a record: it has no "kind"`)
	}
	kind := stream.Kind(*e.Kind)
	if kind == stream.KindHeader && d.w == nil {
		d.w = stream.NewWriter(d.out, stream.WriterOptions{})
	}
	if d.w == nil {
		return fmt.Errorf("%q outside of a stream, which begins with a header", *e.Kind)
	}
	if e.Msgpack == nil && filled.Has(kind) && kind.Known() {
		if rec := toFill(kind, e.Body); rec != nil {
			return d.written(kind, d.w.Write(rec))
		}
	}
	r, err := d.record(kind, &e)
	if err == nil {
		err = d.w.WriteRaw(r)
	}
	if err == nil && kind == stream.KindAbort && d.aborted == nil {
		a := &stream.AbortedError{Class: "error", Message: "the lines say so"}
		if rec, err := r.Decode(); err == nil {
			abort := rec.(*stream.Abort)
			a.Class, a.Message, a.Last = abort.Class, abort.Message, abort.Last
		}
		d.aborted = a
	}
	return d.written(kind, err)
}

// written ends the stream after its last record.
func (d *reader) written(kind stream.Kind, err error) error {
	if err != nil {
		return err
	}
	switch kind {
	case stream.KindExperimentEnd:
		d.options.Counters.Experiments.Add(1)
	case stream.KindTrailer, stream.KindAbort:
		w := d.w
		d.w, d.ended = nil, true
		return w.Close()
	}
	return nil
}

// record returns the record of a line.
func (d *reader) record(kind stream.Kind, e *envelope) (stream.Raw, error) {
	if e.Msgpack != nil {
		data, err := base64.StdEncoding.Strict().DecodeString(*e.Msgpack)
		if err != nil {
			return stream.Raw{}, fmt.Errorf("msgpack: %w", err)
		}
		r := stream.Raw{Kind: kind, Data: data}
		rec, err := r.Decode()
		if err == nil && rec.Kind() != kind {
			err = fmt.Errorf("its msgpack is a record of kind %q, and not %q", rec.Kind(), kind)
		}
		return r, err
	}
	switch kind {
	case stream.KindMetrics:
		m, err := metricsFromJSON(e.Body)
		if err != nil {
			return stream.Raw{}, err
		}
		return stream.Encode(m)
	case stream.KindHeader:
		body, err := d.header(e.Body)
		if err != nil {
			return stream.Raw{}, err
		}
		return stream.RawFromJSON(kind, body)
	}
	return stream.RawFromJSON(kind, e.Body)
}

// header returns the body of a header with what it leaves out.
func (d *reader) header(body json.RawMessage) ([]byte, error) {
	members := make(map[string]json.RawMessage)
	if body != nil {
		if err := json.Unmarshal(body, &members); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	for name, value := range map[string]any{
		"created": time.Now().UnixMilli(), "format": "comet-stream", "id": stream.NewID(), "parents": []string{},
		"requires": []string{}, "scope": map[string]any{"paths": []string{}, "resources": []string{}},
		"source": map[string]any{"url": "", "version": nil}, "tool": d.options.Tool, "version": [2]int{1, 0},
	} {
		if members[name] == nil {
			text, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			members[name] = text
		}
	}
	return json.Marshal(members)
}

// filled are the kinds whose numbers the writer knows.
var filled = stream.KindSetOf(stream.KindAssetEnd, stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd, stream.KindTrailer)

// toFill returns the record that a line without a body, or with an empty one,
// stands for, which the writer fills in; nil where it is told.
func toFill(kind stream.Kind, body json.RawMessage) stream.Record {
	if text := string(bytes.TrimSpace(body)); text != "" && text != "null" && text != "{}" {
		return nil
	}
	switch kind {
	case stream.KindAssetEnd:
		return new(stream.AssetEnd)
	case stream.KindExperimentEnd:
		return new(stream.ExperimentEnd)
	case stream.KindArtifactEnd:
		return new(stream.ArtifactEnd)
	case stream.KindModelEnd:
		return new(stream.ModelEnd)
	}
	return new(stream.Trailer)
}

// metricsBody is the body of a metrics record with its columns written out.
type metricsBody struct {
	Name    *string           `json:"name"`
	N       *int              `json:"n"`
	Context []*string         `json:"context"`
	Epoch   []*int64          `json:"epoch"`
	Step    []*int64          `json:"step"`
	Time    []*int64          `json:"time"`
	Value   []json.RawMessage `json:"value"`
	Extra   []json.RawMessage `json:"extra"`
}

// metricsFromJSON reads a metrics record. A column that is left out is one that no
// point has.
func metricsFromJSON(body []byte) (*stream.Metrics, error) {
	var b metricsBody
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	n := len(b.Value)
	if b.Name == nil || n == 0 || b.N != nil && *b.N != n {
		return nil, errors.New("metrics: want a name, and as many values as n says, at least one")
	}
	for _, length := range []int{len(b.Context), len(b.Epoch), len(b.Step), len(b.Time), len(b.Extra)} {
		if length != 0 && length != n {
			return nil, fmt.Errorf("metrics: a column of %d elements, and one of %d", length, n)
		}
	}
	m := &stream.Metrics{Name: *b.Name, Points: make([]stream.Point, n)}
	for i := range m.Points {
		if err := b.point(i, &m.Points[i]); err != nil {
			return nil, fmt.Errorf("metrics: point %d: %w", i, err)
		}
	}
	return m, nil
}

func (b *metricsBody) point(i int, p *stream.Point) (err error) {
	if p.Value, err = stream.ValueFromJSON(b.Value[i]); err != nil {
		return err
	}
	for _, column := range []struct {
		from []*int64
		to   *stream.Int64
	}{{b.Time, &p.Time}, {b.Step, &p.Step}, {b.Epoch, &p.Epoch}} {
		if column.from != nil && column.from[i] != nil {
			*column.to = stream.NewInt64(*column.from[i])
		}
	}
	if b.Context != nil && b.Context[i] != nil {
		p.Context = stream.NewString(*b.Context[i])
	}
	if b.Extra != nil && string(b.Extra[i]) != "null" {
		p.Extra, err = stream.DocFromJSON(b.Extra[i])
	}
	return err
}
