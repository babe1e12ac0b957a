package filter

import (
	"context"
	"encoding/json"
	"io"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// JSON prints each record of the streams in r that the rules leave as a JSON
// object on a line of its own: its kind, the key of its experiment (or the id of
// its artifact or model), the id of its asset, and its body. Bytes are in base64,
// numbers as they were. Columns of metrics are written out: time, step, epoch and
// context have one element a point, null where the point has none, and value has
// what the server is to be sent.
func JSON(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		p := &jsonPrinter{scan: s}
		return s.records(p.record)
	})
}

// A jsonPrinter is one run of JSON.
type jsonPrinter struct {
	*scan
	group, id string // of the open group: the name of its member, and its key or id
	asset     string // id of the open asset
	inAsset   bool
	line      []byte
}

func (p *jsonPrinter) record(r stream.Raw) error {
	switch r.Kind {
	case stream.KindExperiment:
		p.group, p.id = "experiment", text(r, "key")
	case stream.KindArtifact, stream.KindModel:
		p.group, p.id = string(r.Kind), text(r, "id")
	case stream.KindAsset:
		p.asset, p.inAsset = text(r, "id"), true
	}
	line, err := p.append(p.line[:0], r)
	if err != nil {
		return err
	}
	p.line = append(progress.EscapeJSON(line), '\n')
	switch r.Kind {
	case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd:
		p.group, p.inAsset = "", false
	case stream.KindAssetEnd, stream.KindSkipped:
		p.inAsset = false
	}
	_, err = p.lines.Write(p.line)
	return err
}

func (p *jsonPrinter) append(b []byte, r stream.Raw) ([]byte, error) {
	b = append(append(b, `{"kind":`...), jsonString(string(r.Kind))...)
	if p.group != "" {
		b = append(append(b, `,"`+p.group+`":`...), jsonString(p.id)...)
	}
	if p.inAsset {
		b = append(append(b, `,"asset":`...), jsonString(p.asset)...)
	}
	b = append(b, `,"body":`...)
	var err error
	if r.Kind == stream.KindMetrics {
		b, err = appendMetrics(b, r)
	} else {
		b, err = r.AppendJSON(b)
	}
	return append(b, '}'), err
}

// text returns the text under a key of a record.
func text(r stream.Raw, key string) string {
	s, _ := r.Field(key).Text()
	return s
}

// appendMetrics appends the body of a metrics record with its columns written
// out, and unknown keys as they are.
func appendMetrics(b []byte, r stream.Raw) ([]byte, error) {
	m, err := decode[*stream.Metrics](r)
	if err != nil {
		return b, err
	}
	b = append(b, '{')
	for key, value := range r.Fields() {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, jsonString(key)...), ':')
		switch column := columns[key]; {
		case column != nil:
			b = append(b, '[')
			for i := range m.Points {
				if i > 0 {
					b = append(b, ',')
				}
				b = column(b, &m.Points[i])
			}
			b = append(b, ']')
		default:
			if b, err = value.AppendLooseJSON(b); err != nil {
				return b, err
			}
		}
	}
	return append(b, '}'), nil
}

// jsonString returns s as a JSON string.
func jsonString(s string) []byte {
	b, _ := json.Marshal(s) // strings cannot fail
	return b
}

// columns append what a point has in each column.
var columns = map[string]func([]byte, *stream.Point) []byte{
	"context": func(b []byte, p *stream.Point) []byte {
		if !p.Context.OK {
			return append(b, "null"...)
		}
		return append(b, jsonString(p.Context.V)...)
	},
	"epoch": func(b []byte, p *stream.Point) []byte { return appendInt(b, p.Epoch) },
	"step":  func(b []byte, p *stream.Point) []byte { return appendInt(b, p.Step) },
	"time":  func(b []byte, p *stream.Point) []byte { return appendInt(b, p.Time) },
	"value": func(b []byte, p *stream.Point) []byte { return p.Value.AppendJSON(b) },
}

func appendInt(b []byte, v stream.Int64) []byte {
	if !v.OK {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, v.V, 10)
}
