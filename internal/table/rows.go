package table

import (
	"strconv"

	"github.com/comet-stream/comet-stream/stream"
)

func pointRows(w *rowWriter, rec stream.Record) {
	m := rec.(*stream.Metrics)
	prefix, names := w.prefix, w.names
	// The name goes before each row, and its context most often, too: both are
	// made once.
	context := stream.NewString("")
	for i := range m.Points {
		p := &m.Points[i]
		if i == 0 || p.Context != context {
			context = p.Context
			w.prefix, w.names = w.begin(prefix, names, m.Name, context), names[2:]
		}
		w.row()
		w.int(p.Step)
		w.int(p.Epoch)
		w.time(p.Time)
		w.value(p.Value)
		w.endRow()
	}
}

// begin returns a prefix with the cells of a metric and a context after it.
func (w *rowWriter) begin(prefix []byte, names []string, metric string, context stream.String) []byte {
	b := rowWriter{format: w.format, prefix: prefix, names: names}
	b.row()
	b.text(metric)
	if context.OK {
		b.text(context.V)
	} else {
		b.absent()
	}
	return b.out
}

func valueRows(w *rowWriter, rec stream.Record) {
	values := rec.(*stream.Values)
	kind := "parameter"
	if values.Of == stream.KindOthers {
		kind = "other"
	}
	for _, doc := range values.Values {
		w.row()
		w.text(kind)
		for _, member := range []string{"name", "valueCurrent", "valueMin", "valueMax"} {
			w.doc(doc.Member(member))
		}
		w.time(millis(doc.Member("timestampCurrent")))
		w.endRow()
	}
}

// doc is a cell with a value of a document: text as it is, all else as its JSON.
func (w *rowWriter) doc(d stream.Doc) {
	text, isText := d.Text()
	switch {
	case isText:
		w.text(text)
	case d.String() == "null":
		w.absent()
	case w.format == JSONL:
		w.cell()
		w.out = append(w.out, d.String()...)
	default:
		w.text(d.String())
	}
}

// millis returns a time of a document, which some servers give as text.
func millis(d stream.Doc) stream.Int64 {
	text, ok := d.Text()
	if !ok {
		text = d.String()
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return stream.Int64{V: ms, OK: err == nil}
}
