// Package jsonform is a stream as lines of JSON, one a record, from which the same
// records come back byte for byte. Any language that has JSON can read a stream by
// it, and write one. FORMAT.md has the form, section 9.
//
//	var p jsonform.Printer
//	line, err := p.Append(nil, record)                     // comet-filter --json
//	err := jsonform.Read(ctx, w, r, jsonform.Options{})    // comet-filter --from-json
//
// Records that JSON cannot represent are also given as msgpack: the printer reads
// back what it has printed, and adds the record itself where that is not the
// same.
package jsonform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// A Printer prints the records of streams, in order. The zero value is ready.
type Printer struct {
	group, id string // of the open group: the name of its member, and its key or id
	asset     string // id of the open asset
	inAsset   bool
	scratch   []byte
}

// Append appends the line of the next record to b, line break included: its kind,
// the key of its experiment (or the id of its artifact or model), the id of its
// asset, and its body. Bytes are in base64, numbers as they were. Columns of
// metrics are written out: time, step, epoch and context have one element a point,
// null where the point has none, and value has what the server is to be sent.
func (p *Printer) Append(b []byte, r stream.Raw) ([]byte, error) {
	switch r.Kind {
	case stream.KindExperiment:
		p.group, p.id = "experiment", text(r, "key")
	case stream.KindArtifact, stream.KindModel:
		p.group, p.id = string(r.Kind), text(r, "id")
	case stream.KindAsset:
		p.asset, p.inAsset = text(r, "id"), true
	}
	line, err := p.line(p.scratch[:0], r)
	p.scratch = line
	switch r.Kind {
	case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd, stream.KindTrailer, stream.KindAbort:
		p.group, p.inAsset = "", false
	case stream.KindAssetEnd, stream.KindSkipped:
		p.inAsset = false
	}
	return append(append(b, progress.EscapeJSON(line)...), '\n'), err
}

func (p *Printer) line(b []byte, r stream.Raw) ([]byte, error) {
	b = append(append(b, `{"kind":`...), jsonString(string(r.Kind))...)
	if p.group != "" {
		b = append(append(b, `,"`+p.group+`":`...), jsonString(p.id)...)
	}
	if p.inAsset {
		b = append(append(b, `,"asset":`...), jsonString(p.asset)...)
	}
	b = append(b, `,"body":`...)
	start := len(b)
	var err error
	if r.Kind == stream.KindMetrics {
		b, err = appendMetrics(b, r)
	} else {
		b, err = r.AppendJSON(b)
	}
	if err != nil {
		return b, err
	}
	if !returns(r, b[start:]) {
		b = append(base64.StdEncoding.AppendEncode(append(b, `,"msgpack":"`...), r.Data), '"')
	}
	return append(b, '}'), nil
}

// returns reports whether the very record comes back from its body. What is made
// of bytes and columns alone is packed again, which is much faster than reading
// the JSON, and says the same.
func returns(r stream.Raw, body []byte) bool {
	if packs.Has(r.Kind) && r.Kind.Known() {
		rec, err := r.Decode()
		if m, ok := rec.(*stream.Metrics); ok && slices.ContainsFunc(m.Points, func(p stream.Point) bool { return p.Extra != nil }) {
			rec, err = metricsFromJSON(body)
		}
		if err != nil {
			return false
		}
		again, err := stream.Encode(rec)
		return err == nil && bytes.Equal(again.Data, r.Data)
	}
	again, err := stream.RawFromJSON(r.Kind, body)
	return err == nil && bytes.Equal(again.Data, r.Data)
}

var packs = stream.KindSetOf(stream.TextKinds()...) | stream.KindSetOf(stream.KindMetrics, stream.KindChunk, stream.KindNotes)

// text returns the text under a key of a record.
func text(r stream.Raw, key string) string {
	s, _ := r.Field(key).Text()
	return s
}

// appendMetrics appends the body of a metrics record with its columns written
// out, and unknown keys as they are.
func appendMetrics(b []byte, r stream.Raw) ([]byte, error) {
	rec, err := r.Decode()
	if err != nil {
		return b, err
	}
	m := rec.(*stream.Metrics)
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
