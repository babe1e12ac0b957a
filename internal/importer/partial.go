package importer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/thin"
	"github.com/comet-stream/comet-stream/stream"
)

// partial is a metric of which the destination shows some points, while its
// points come. What is missing is held until all have come: only then can it be
// said whether it was not written, or is there and not shown.
type partial struct {
	shown thin.Series
	held  *spool.Spool // the records from the first on that lacks a point
	wants []bool       // for each of their points: it may have to be written
	here  []bool       // wants of the record under way
	named bool         // the summary names a point that is not shown
	last  bool         // the last point is shown, or named
	lost  bool         // there was no room to hold them
	buf   [10]byte
}

// beginPartial begins to compare a metric of which the destination has something,
// also where it shows nothing but a summary.
func (e *experiment) beginPartial(ctx context.Context) error {
	p := &e.points
	if p.series.N > 0 {
		p.part = new(partial)
		return nil
	}
	named, err := e.readSummaries(ctx)
	if err != nil {
		return fmt.Errorf("read summaries of the metrics: %w", err)
	}
	if _, ok := named[p.name]; ok {
		p.part = &partial{named: true}
	}
	return nil
}

// comparePoint compares a point with what the destination shows.
func (e *experiment) comparePoint(ctx context.Context, pt *point) error {
	p := &e.points
	ok, known := p.there.Take(pt.hash)
	if !ok && !known && !p.sure && !e.r.Dry() {
		// The first point that is missing. What was written a moment ago may
		// not show yet.
		if err := e.makeSure(ctx); err != nil {
			return fmt.Errorf("read metric %q: %w", p.name, err)
		}
		ok, known = p.there.Take(pt.hash)
	}
	state, part := thin.Missing, p.part
	part.last = true
	switch {
	case ok:
		p.series.Taken++
		state = thin.Shown
	case known:
		state = thin.Copy
	default:
		named, err := e.isNamed(ctx, pt)
		if err != nil {
			return fmt.Errorf("read summary of metric %q: %w", p.name, err)
		}
		part.named, part.last = part.named || named, named
	}
	part.shown.Add(p.hasher.Sample(&pt.Point, pt.hash), state)
	part.here[len(part.here)-1] = state == thin.Missing || state == thin.Copy && e.unfinished
	return nil
}

// hold keeps a record whose points have been compared, if it or one before lacks
// any.
func (e *experiment) hold(ctx context.Context, rec *stream.Metrics) error {
	part := e.points.part
	here := part.here
	part.here = part.here[:0]
	some := part.held != nil
	for _, wants := range here {
		some = some || wants
	}
	if !some || part.lost {
		return nil
	}
	err := part.keep(ctx, e.r, rec)
	if errors.Is(err, spool.ErrOverBudget) {
		part.lost = true
		e.failure.Note(fmt.Errorf("metric %q: %w: raise --temp-max", rec.Name, err), false)
		return nil
	}
	part.wants = append(part.wants, here...)
	return err
}

func (part *partial) keep(ctx context.Context, r *run, rec *stream.Metrics) error {
	raw, err := stream.Encode(rec)
	if err != nil {
		return err
	}
	if part.held == nil {
		if part.held, err = r.Spools.Open(ctx, -1); err != nil {
			return err
		}
	}
	n := binary.PutUvarint(part.buf[:], uint64(len(raw.Data)))
	if _, err := part.held.Write(part.buf[:n]); err != nil {
		return err
	}
	_, err = part.held.Write(raw.Data)
	return err
}

// close lets go of what is held. It may be called of nil, and again.
func (part *partial) close() {
	if part != nil && part.held != nil {
		// Room on disk is all there is to lose.
		_ = part.held.Close()
		part.held = nil
	}
}

// each calls f for each point that may have to be written.
func (part *partial) each(f func(*stream.Point) error) error {
	if part.held == nil {
		return nil
	}
	rc, err := part.held.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	in, wants := bufio.NewReader(rc), part.wants
	for {
		n, err := binary.ReadUvarint(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		rec, err := stream.Raw{Kind: stream.KindMetrics, Data: data}.Decode()
		if err != nil {
			return err
		}
		points := rec.(*stream.Metrics).Points
		for i := range points {
			if !wants[i] {
				continue
			}
			if err := f(&points[i]); err != nil {
				return err
			}
		}
		wants = wants[len(points):]
	}
}

// summaries has the points that the destination names in its summary of the
// metrics, as hashes without their epoch.
type summaries map[string][3]pointset.Hash

// isNamed reports whether the summary names a point, which is there then.
func (e *experiment) isNamed(ctx context.Context, pt *point) (bool, error) {
	p := &e.points
	named, err := e.readSummaries(ctx)
	if err != nil {
		return false, err
	}
	h := p.hasher.WithoutEpoch(&pt.Point)
	for _, x := range named[p.name] {
		if x == h {
			return true, nil
		}
	}
	return false, nil
}

// readSummaries reads the summaries once; it is called by the goroutine of the
// experiment.
func (e *experiment) readSummaries(ctx context.Context) (summaries, error) {
	p := &e.points
	if p.named != nil {
		return p.named, nil
	}
	var found summaries
	h := pointset.NewHasher("")
	reset := func() { found = make(summaries) }
	reset()
	err := e.r.Client.Metrics.Each(ctx, e.key, reset, func(v *comet.Value) error {
		h.Use(v.Name)
		var three [3]pointset.Hash
		for i, r := range []comet.Reading{v.Min, v.Max, v.Current} {
			three[i] = h.WithoutEpoch(&stream.Point{
				Value: stream.TextValue(document.Deref(r.Value)), Time: int64Of(r.Time), Step: int64Of(r.Step), Context: stream.NewString(document.Deref(r.Context)),
			})
		}
		found[v.Name] = three
		return nil
	})
	if err != nil && !answer.Absent(err) && !answer.Unsupported(err) {
		return nil, err
	}
	p.named = found
	return found, nil
}

func int64Of(n *int64) stream.Int64 {
	if n == nil {
		return stream.Int64{}
	}
	return stream.NewInt64(*n)
}

// A showing is what has turned out of how the destination shows metrics: all
// together, or one by one. It is for all experiments.
type showing struct {
	whole int64 // points of the longest one that was shown as it was written
	most  int64 // points of the longest one at all
	// several is true when several points of one step and context are shown.
	several bool
}

// showing changes what is known of one way to read metrics, and returns it.
func (r *run) showing(each bool, change func(*showing)) showing {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.shown.together
	if each {
		s = &r.shown.each
	}
	change(s)
	return *s
}

// remedy says what is done about the points that are not shown.
type remedy int

const (
	leaveMissing remedy = iota
	writeMissing
	writeAfter // those after the last point that is shown
)

// longRun is how many points in a row are shown of a metric that is not thinned
// out by a rule.
const longRun = 100

// remedy decides whether the missing points of the metric that has ended are
// written: only where it is known that they are not there.
func (e *experiment) remedy(part *partial) remedy {
	p, s := &e.points, &part.shown
	known := e.r.showing(p.each, func(k *showing) {
		if s.Missing == 0 {
			k.whole = max(k.whole, s.Shown)
		}
		k.several = k.several || s.Several()
	})
	oneOfStep := !known.several && (s.Overridden() || !e.unfinished && s.OnePerStep() > 0)
	full := p.series.N >= e.r.o.SeriesCap
	switch {
	case e.r.o.RewriteSeries || s.Missing == 0:
		return writeMissing
	case part.named, oneOfStep:
		return leaveMissing
	case s.Shown+s.Missing+s.Copies <= known.whole:
		return writeMissing
	case full && !e.unfinished, e.unfinished && part.last:
		// The last point is written when all others have been.
		return leaveMissing
	case full:
		// Beyond the cap batches are written one after the other, so that
		// nothing has been written behind what is shown.
		return writeAfter
	case s.Tail(), s.Stretches(), p.series.N < known.most && s.LongestShown() >= longRun:
		return writeMissing
	}
	return leaveMissing
}

// endPartial writes what is missing of the metric that has ended, or tells why
// not.
func (e *experiment) endPartial(ctx context.Context, part *partial) error {
	defer part.close()
	p, s := &e.points, &part.shown
	what, left := e.remedy(part), int64(0)
	switch {
	case part.lost:
		return nil
	case what == leaveMissing:
		left = s.Missing
	default:
		err := part.each(func(sp *stream.Point) error {
			if what == writeAfter && !(pointset.At(sp.Time, sp.Step)).After(p.series.Last) {
				left++
				return nil
			}
			return e.addPoint(ctx, point{p.name, p.hasher.Point(sp), *sp})
		})
		if err != nil {
			return err
		}
	}
	if left > 0 {
		e.tellLeft(part, left)
	}
	return nil
}

// tellLeft tells of points that the destination does not show and that are not
// written.
func (e *experiment) tellLeft(part *partial, left int64) {
	p, s := &e.points, &part.shown
	i := report.Issue{Class: report.Noted, Kind: string(stream.KindMetrics), Name: p.name}
	others := p.series.N - p.series.Taken
	switch full := p.series.N >= e.r.o.SeriesCap; {
	case full && others > 0:
		i.Class = report.Differs
		i.Reason = fmt.Sprintf("the destination lacks %d of the %d points, is full, and has %d that are not in the stream", left, p.n, others)
	case full:
		i = thinned(p.name, p.series.N, p.n)
	case others == 0 && part.last && s.OnePerStep() >= fewSteps:
		i.Reason = fmt.Sprintf(oneOfStep, p.series.N, p.n)
	default:
		i.Class = report.Differs
		i.Reason = fmt.Sprintf("the destination shows %d of the %d points, and does not tell whether it has the others: they are not written (see --rewrite-series)", p.series.Taken, p.n)
	}
	e.Issue(i)
	if e.verified != nil && i.Class == report.Noted {
		e.verified.note(func(x *expectation) { x.metric(p.name).thinned = true })
	}
}

// oneOfStep is the reason where a destination keeps one point of those of a step.
const oneOfStep = "the destination keeps one point of each step, %d of the %d"

// fewSteps is how many steps with several points are to show one each before that
// is taken for how the destination is.
const fewSteps = 3
