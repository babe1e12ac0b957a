package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// valueDoc is a parameter or other as the stream has it: the smallest, the
// largest and the current reading.
type valueDoc struct {
	Name string `json:"-"`

	NameField document.Text `json:"name"`

	ValueMin     document.Text `json:"valueMin"`
	ValueMax     document.Text `json:"valueMax"`
	ValueCurrent document.Text `json:"valueCurrent"`

	TimeMin     document.Int `json:"timestampMin"`
	TimeMax     document.Int `json:"timestampMax"`
	TimeCurrent document.Int `json:"timestampCurrent"`

	StepMin     document.Int `json:"stepMin"`
	StepMax     document.Int `json:"stepMax"`
	StepCurrent document.Int `json:"stepCurrent"`

	ContextMin     document.Text `json:"runContextMin"`
	ContextMax     document.Text `json:"runContextMax"`
	ContextCurrent document.Text `json:"runContextCurrent"`
}

func readValue(d stream.Doc) (*valueDoc, error) {
	v := new(valueDoc)
	err := document.Read(d, v)
	v.Name = v.NameField.V
	return v, err
}

// reading is one value of a parameter or other that was logged.
type reading struct {
	value   document.Text
	time    document.Int
	step    document.Int
	context document.Text
}

// history returns what to log, in this order, so that the destination comes to
// the same three readings: the smallest and the largest in the order of time,
// then the current one. Those that are the same as the current one are not
// needed.
func (v *valueDoc) history() []reading {
	current := reading{v.ValueCurrent, v.TimeCurrent, v.StepCurrent, v.ContextCurrent}
	var list []reading
	for _, r := range []reading{
		{v.ValueMin, v.TimeMin, v.StepMin, v.ContextMin},
		{v.ValueMax, v.TimeMax, v.StepMax, v.ContextMax},
	} {
		if r.value.OK && r != current && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b reading) int { return cmp.Compare(a.time.V, b.time.V) })
	return append(list, current)
}

// json returns the value as it is sent: a text stays a text, whatever it looks
// like.
func (r *reading) json() json.RawMessage {
	if !r.value.OK {
		return nil
	}
	return wire.Quote(r.value.V)
}

// valueThere is the current reading of a parameter or other of the destination.
type valueThere struct {
	value uint64 // hash
	time  document.Int
}

// valuesThere has them by the hash of their name.
type valuesThere map[uint64]valueThere

// hashValue takes no value for what servers make of it.
func hashValue(v document.Text) uint64 {
	switch {
	case !v.OK, v.V == "null", v.V == "None":
		return document.Hash("")
	}
	return document.Hash(v.V)
}

// hashThere is hashValue for a value of the destination. One that is too large to
// be held is none of a stream.
func hashThere(v *comet.Value) uint64 {
	if v.Cut {
		return ^document.Hash(v.Name)
	}
	return hashValue(document.TextOf(v.Current.Value))
}

// readValues reads the parameters or others of the destination.
func (e *experiment) readValues(ctx context.Context, each func(context.Context, string, func(), func(*comet.Value) error) error) (valuesThere, error) {
	have := make(valuesThere)
	err := each(ctx, e.Key, func() { clear(have) }, func(v *comet.Value) error {
		t := valueThere{value: hashThere(v)}
		t.time = document.IntOf(v.Current.Time)
		have[document.Hash(v.Name)] = t
		return nil
	})
	if err != nil && !answer.Absent(err) {
		return nil, err
	}
	return have, nil
}

// verdict is what a comparison says about an item.
type verdict int

const (
	same verdict = iota
	absent
	other
)

// compare holds a value of the stream against what the destination has.
func (t valuesThere) compare(v *valueDoc) verdict {
	have, ok := t[document.Hash(v.Name)]
	switch {
	case !ok:
		return absent
	case have.value != hashValue(v.ValueCurrent):
		return other
	}
	return same
}

// begun reports whether the destination has an earlier reading of a value, as an
// import leaves it that is killed between the writes of one and the next.
func (t valuesThere) begun(v *valueDoc) bool {
	history := v.history()
	have := t[document.Hash(v.Name)]
	return slices.ContainsFunc(history[:len(history)-1], func(r reading) bool {
		return have.value == hashValue(r.value) && (!r.time.OK || have.time == r.time)
	})
}

// parameterBatch is what waits until a request is full.
type parameterBatch struct {
	values []*loggedParameter
	n      int64 // parameters they are the history of
	size   int
}

// takeParameters writes parameters in batches.
func (e *experiment) takeParameters(ctx context.Context, rec *stream.Values) error {
	for _, d := range rec.Values {
		v, err := readValue(d)
		if err != nil {
			return err
		}
		if !hasTimes(v.history()) {
			e.Untimed.Note(stream.KindParameters, v.Name)
		}
		if e.expect(func(x *expectation) { x.parameters[document.Hash(v.Name)] = hashValue(v.ValueCurrent) }) {
			continue
		}
		write, err := e.wantsParameter(ctx, v)
		if err != nil {
			return err
		}
		if write {
			e.addParameter(ctx, v, len(d))
		}
	}
	return nil
}

func (e *experiment) addParameter(ctx context.Context, v *valueDoc, size int) {
	history := v.history()
	b := &e.parameters
	if len(b.values)+len(history) > comet.MaxBatch || b.size+size > session.MaxBatch {
		e.flushParameters(ctx)
	}
	for i := range history {
		b.values = append(b.values, e.parameter(v.Name, &history[i]))
	}
	b.n++
	b.size += size
}

// wantsParameter reports whether a parameter is to be written.
func (e *experiment) wantsParameter(ctx context.Context, v *valueDoc) (bool, error) {
	// To write a parameter again changes nothing, and is quicker than to read
	// what an earlier import has come to.
	if e.Existing == nil || e.Unfinished {
		return true, nil
	}
	have, err := e.reads.parameters.Wait(ctx)
	if err != nil {
		return false, err
	}
	return e.decide(have.compare(v), stream.KindParameters, v.Name), nil
}

// decide reports whether an item is to be written, and tells of one that
// differs.
func (e *experiment) decide(v verdict, kind stream.Kind, name string) bool {
	if v == other && !e.StreamWins {
		e.Differs(report.Issue{Kind: string(kind), Name: name, Reason: "the destination has another value"})
		return false
	}
	return v != same
}

// loggedParameter is one reading of a parameter, as it is written.
type loggedParameter struct {
	comet.ParameterValue
	value document.Text
}

func (e *experiment) parameter(name string, r *reading) *loggedParameter {
	return &loggedParameter{comet.ParameterValue{
		Name: name, Value: r.json(), Context: r.context.Ptr(),
		Step: cometInt(r.step), Time: comet.IntOf(e.TimeOf(r.time)),
	}, r.value}
}

func cometInt(i document.Int) comet.Int {
	if !i.OK {
		return comet.Int{}
	}
	return comet.IntOf(i.V)
}

// flushParameters writes the parameters that wait.
func (e *experiment) flushParameters(ctx context.Context) {
	b := e.parameters
	if b.n == 0 {
		return
	}
	e.parameters = parameterBatch{}
	e.Spawn(func() {
		bad := make(map[string]bool)
		err := flow.WithRoom(ctx, e.r.large, min(4*int64(b.size), largeMemory), func() error {
			_, err := halving.Write(b.values, func(part []*loggedParameter) error { return e.writeParameters(ctx, part) },
				func(refused []*loggedParameter, err error) {
					names := make(map[string]bool)
					for _, v := range refused {
						bad[v.Name], names[v.Name] = true, true
					}
					e.refusedNames(stream.KindParameters, slices.Sorted(maps.Keys(names)), err)
				}, &e.refusals)
			return err
		})
		if err == nil {
			e.Change(func(o *report.Outcome) { o.Written.Parameters += b.n - int64(len(bad)) })
		}
		e.Item(report.Issue{Kind: string(stream.KindParameters)}, err)
	})
}

// refusedNames tells of values that the destination refuses, several of them in
// one issue.
func (e *experiment) refusedNames(kind stream.Kind, names []string, err error) {
	if len(names) == 1 {
		e.Item(report.Issue{Kind: string(kind), Name: names[0]}, err)
		return
	}
	const some = 20
	list := fmt.Sprintf("%q", names[:min(len(names), some)])
	e.Item(report.Issue{Kind: string(kind)}, fmt.Errorf("%d of them, %s: %w", len(names), list, err))
}

func (e *experiment) writeParameters(ctx context.Context, values []*loggedParameter) error {
	if e.r.Dry() {
		return nil
	}
	if err := e.Reopen(ctx); err != nil {
		return err
	}
	var b comet.Batch
	for _, v := range values {
		b.AddParameter(&v.ParameterValue)
	}
	return e.sure(ctx, func() error { return e.r.Client.Parameters.Write(ctx, e.Key, &b) }, func(x *expectation) {
		for _, v := range values {
			x.parameters[document.Hash(v.Name)] = hashValue(v.value)
		}
	})
}

// hasTimes reports whether all readings of a value have a time.
func hasTimes(history []reading) bool {
	return !slices.ContainsFunc(history, func(r reading) bool { return r.time == document.Int{} })
}
