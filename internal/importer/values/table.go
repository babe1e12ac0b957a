package values

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/index"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// value is a parameter or other as the stream has it: the smallest, the largest and
// the current reading.
type value struct {
	Name document.Text `json:"name"`

	Min     document.Text `json:"valueMin"`
	Max     document.Text `json:"valueMax"`
	Current document.Text `json:"valueCurrent"`

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

func decode(d stream.Doc) (*value, error) {
	v := new(value)
	return v, document.Read(d, v)
}

// size returns how many bytes it takes, about.
func (v *value) size() int { return len(v.Min.V) + len(v.Max.V) + len(v.Current.V) }

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
func (v *value) history() []reading {
	current := reading{v.Current, v.TimeCurrent, v.StepCurrent, v.ContextCurrent}
	var list []reading
	for _, r := range []reading{
		{v.Min, v.TimeMin, v.StepMin, v.ContextMin},
		{v.Max, v.TimeMax, v.StepMax, v.ContextMax},
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

// A hash stands for a name or a value.
type hash uint64

func hashOf(text string) hash { return hash(document.Hash(text)) }

// hashValue takes no value for what servers make of it.
func hashValue(v document.Text) hash {
	switch {
	case !v.OK, v.V == "null", v.V == "None":
		return hashOf("")
	}
	return hashOf(v.V)
}

// existing is the current reading of a value of the destination.
type existing struct {
	value hash
	time  document.Int
}

// existingOf returns what a value of the destination is. One that is too large to be
// held is none of a stream.
func existingOf(v *comet.Value) existing {
	if v.Cut {
		return existing{value: ^hashOf(v.Name)}
	}
	return existing{hashValue(document.TextOf(v.Current.Value)), document.IntOf(v.Current.Time)}
}

func (e existing) is(want hash) bool { return e.value == want }

// values are those of the destination by their names. The zero value has none.
type values struct{ *index.Index[existing] }

func (have values) of(name string) (existing, bool) {
	if have.Index == nil {
		return existing{}, false
	}
	return have.Get(document.Hash(name))
}

// compare returns in what a value of the stream differs from the destination's.
func (have values) compare(kind stream.Kind, v *value) []reconcile.Difference {
	now, ok := have.of(v.Name.V)
	if ok && now.is(hashValue(v.Current)) {
		return nil
	}
	return reconcile.Differs(report.Issue{Kind: string(kind), Name: v.Name.V}, !ok, otherValue)
}

const otherValue = "the destination has a different value"

// A table is what parameters and others have in common.
type table struct {
	*session.Experiment
	kind      stream.Kind
	each      func(context.Context, string, func(), func(*comet.Value) error) error
	readAhead flow.Future[values]
	want      map[hash]hash // what a verification has to find; nil if there is none

	rewrites bool // what an import has left unfinished is written again unread
}

// Prefetch begins to read what the destination has, unless that may be known from
// what is said of others too.
func (t *table) Prefetch(ctx context.Context) {
	if t.Listed == nil {
		t.start(ctx)
	}
}

func (t *table) start(ctx context.Context) {
	t.readAhead.Start(&t.Reading, func() (values, error) {
		if t.Existing == nil || t.rewrites && t.Unfinished {
			return values{}, nil
		}
		return flow.InTurn(ctx, t.Turn, func() (values, error) { return t.hold(ctx, t.Share()) })
	})
}

// hold reads what the destination has, and holds it in a share.
func (t *table) hold(ctx context.Context, share *flow.Share) (have values, err error) {
	restart := func() {
		share.Free()
		have.Index = index.New[existing](share)
	}
	restart()
	err = t.each(ctx, t.Key, restart, func(v *comet.Value) error { return have.Put(document.Hash(v.Name), existingOf(v), 0) })
	if err != nil && !answer.Absent(err) {
		have.Free()
		return values{}, err
	}
	have.Seal()
	return have, nil
}

// Free releases the space for what the destination has.
func (t *table) Free() {
	if have, ok := t.readAhead.Peek(); ok {
		have.Free()
	}
}

func (t *table) before(ctx context.Context) (values, error) {
	t.start(ctx)
	return t.readAhead.Wait(ctx)
}

func (t *table) read(ctx context.Context, restart func(), f func(*comet.Value)) error {
	err := t.each(ctx, t.Key, restart, func(v *comet.Value) error {
		f(v)
		return nil
	})
	if answer.Absent(err) {
		return nil
	}
	return err
}

// expect notes what a verification has to find of a value. It reports whether that
// is all there is to do.
func (t *table) expect(v *value) bool {
	switch {
	case !t.Expecting:
		return false
	case t.want == nil:
		t.want = make(map[hash]hash)
		t.Expect(func(ctx context.Context) ([]report.Issue, error) { return t.find(ctx, t.want) })
	}
	t.want[hashOf(v.Name.V)] = hashValue(v.Current)
	return t.Mode == reconcile.VerifyOnly
}

// noteTimes counts a value of which a reading has no time.
func (t *table) noteTimes(v *value) {
	if slices.ContainsFunc(v.history(), func(r reading) bool { return r.time == document.Int{} }) {
		t.Untimed.Note(t.kind, v.Name.V)
	}
}

// find reads the values back and tells where they are others than wanted. Only
// the number of missing values is known: their names were not kept.
func (t *table) find(ctx context.Context, want map[hash]hash) (found []report.Issue, err error) {
	n, differ := 0, []string(nil)
	err = t.read(ctx, func() { n, differ = 0, nil }, func(v *comet.Value) {
		value, ok := want[hashOf(v.Name)]
		if !ok {
			return
		}
		n++
		if !existingOf(v).is(value) && len(differ) < report.MaxIssues {
			differ = append(differ, v.Name)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range differ {
		found = append(found, report.Issue{Kind: string(t.kind), Name: name, Reason: otherValue})
	}
	if n := len(want) - n; n > 0 {
		found = append(found, report.Issue{Kind: string(t.kind), Reason: fmt.Sprintf("%d of %d are missing at the destination", n, len(want))})
	}
	return found, nil
}

// ensure makes a write that is harmless to repeat, of what is wanted.
func (t *table) ensure(ctx context.Context, want map[hash]hash, write func() error) error {
	return t.Ensure(ctx, write, func() (bool, error) {
		found, err := t.find(ctx, want)
		return err == nil && len(found) == 0, err
	})
}
