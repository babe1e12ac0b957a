package points

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
func (ps *Points) beginPartial(ctx context.Context) error {
	if ps.series.Digest.N > 0 {
		ps.part = new(partial)
		return nil
	}
	named, err := ps.read.summaries(ctx)
	if err != nil {
		return err
	}
	if _, ok := named[ps.name]; ok {
		ps.part = &partial{named: true}
	}
	return nil
}

func (ps *Points) comparePoint(ctx context.Context, pt *point) error {
	ok, known := ps.have.Take(pt.hash)
	if !ok && !known && !ps.sure && !ps.Dry() {
		// The first point that is missing. What was just written may not show
		// yet.
		if err := ps.makeSure(ctx); err != nil {
			return err
		}
		ok, known = ps.have.Take(pt.hash)
	}
	state, part := thin.Missing, ps.part
	part.last = true
	switch {
	case ok:
		ps.series.Taken++
		state = thin.Shown
	case known:
		state = thin.Copy
	default:
		named, err := ps.isNamed(ctx, pt)
		if err != nil {
			return err
		}
		part.named, part.last = part.named || named, named
	}
	part.shown.Add(ps.hasher.Sample(&pt.Point, pt.hash), state)
	part.here[len(part.here)-1] = state == thin.Missing || state == thin.Copy && ps.Unfinished
	return nil
}

// hold keeps a record whose points have been compared, if it or one before lacks
// any.
func (ps *Points) hold(ctx context.Context, rec *stream.Metrics) error {
	part := ps.part
	here := part.here
	part.here = part.here[:0]
	some := part.held != nil
	for _, wants := range here {
		some = some || wants
	}
	if !some || part.lost {
		return nil
	}
	err := part.keep(ctx, ps.spools, rec)
	if errors.Is(err, spool.ErrOverBudget) {
		part.lost = true
		ps.Failure.Note(fmt.Errorf("metric %q: %w", rec.Name, err), false)
		return nil
	}
	part.wants = append(part.wants, here...)
	return err
}

func (part *partial) keep(ctx context.Context, spools *spool.Spooler, rec *stream.Metrics) error {
	raw, err := stream.Encode(rec)
	if err != nil {
		return err
	}
	if part.held == nil {
		if part.held, err = spools.Open(ctx, -1); err != nil {
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
	if part != nil {
		part.held.Close()
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
func (ps *Points) isNamed(ctx context.Context, pt *point) (bool, error) {
	named, err := ps.read.summaries(ctx)
	if err != nil {
		return false, err
	}
	h := ps.hasher.WithoutEpoch(&pt.Point)
	for _, x := range named[ps.name] {
		if x == h {
			return true, nil
		}
	}
	return false, nil
}

// summaries reads the summaries once; it is called by the goroutine of the
// experiment.
func (r *reading) summaries(ctx context.Context) (summaries, error) {
	if r.named != nil {
		return r.named, nil
	}
	var found summaries
	h := pointset.NewHasher("")
	reset := func() { found = make(summaries) }
	reset()
	err := r.Client.Metrics.Each(ctx, r.Key, reset, func(v *comet.Value) error {
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
		return nil, fmt.Errorf("read summaries of the metrics: %w", err)
	}
	r.named = found
	return found, nil
}

func int64Of(n *int64) stream.Int64 {
	if n == nil {
		return stream.Int64{}
	}
	return stream.NewInt64(*n)
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
func (ps *Points) remedy(part *partial) remedy {
	s := &part.shown
	known := ps.limits.showing(ps.each, func(k *showing) {
		if s.Missing == 0 {
			k.whole = max(k.whole, s.Shown)
		}
		k.several = k.several || s.Several()
	})
	full := ps.series.Digest.N >= ps.limits.seriesCap
	switch {
	case ps.limits.rewriteSeries || s.Missing == 0:
		return writeMissing
	case part.named, !known.several && (s.Overridden() || !ps.Unfinished && s.OnePerStep() > 0):
		return leaveMissing
	case s.Shown+s.Missing+s.Copies <= known.whole:
		return writeMissing
	case full && !ps.Unfinished, ps.Unfinished && part.last:
		// The last point is written when all others have been.
		return leaveMissing
	case full:
		// Beyond the cap batches are written one after the other, so that nothing
		// has been written after what is shown.
		return writeAfter
	case s.Tail(), s.Stretches(), ps.series.Digest.N < known.most && s.LongestShown() >= longRun:
		return writeMissing
	}
	return leaveMissing
}

// endPartial writes what is missing of the metric that has ended, or tells why
// not.
func (ps *Points) endPartial(ctx context.Context, part *partial) error {
	defer part.close()
	s := &part.shown
	what, left := ps.remedy(part), int64(0)
	switch {
	case part.lost:
		return nil
	case what == leaveMissing:
		left = s.Missing
	default:
		err := part.each(func(sp *stream.Point) error {
			if what == writeAfter && sp.Position().Compare(ps.series.Last) <= 0 {
				left++
				return nil
			}
			return ps.out.add(ctx, point{ps.name, ps.hasher.Point(sp), *sp}, ps.beyond())
		})
		if err != nil {
			return err
		}
	}
	if left > 0 {
		ps.reportMissing(part, left)
	}
	return nil
}

// reportMissing reports points that the destination does not show and that are
// not written.
func (ps *Points) reportMissing(part *partial, left int64) {
	s := &part.shown
	i := report.Issue{Class: report.Noted, Kind: string(stream.KindMetrics), Name: ps.name}
	others := ps.series.Digest.N - ps.series.Taken
	switch full := ps.series.Digest.N >= ps.limits.seriesCap; {
	case full && others > 0:
		i.Class = report.Differs
		i.Reason = fmt.Sprintf("the destination lacks %d of the %d points, is at its limit, and has %d that are not in the stream", left, ps.n, others)
	case full:
		i = thinned(ps.name, ps.series.Digest.N, ps.n)
	case others == 0 && part.last && s.OnePerStep() >= fewSteps:
		i.Reason = fmt.Sprintf(oneOfStep, ps.series.Digest.N, ps.n)
	default:
		i.Class = report.Differs
		i.Reason = fmt.Sprintf("the destination shows %d of the %d points, and may have the others: they are not written (see --rewrite-series)", ps.series.Taken, ps.n)
	}
	ps.Issue(i)
	if ps.Expecting && i.Class == report.Noted {
		ps.sums.metric(ps.name).thinned = true
	}
}

// oneOfStep is the reason where a destination keeps one point of those of a step.
const oneOfStep = "the destination keeps one point per step, %d of the %d"

// fewSteps is how many steps with several points are to show one each before that
// is taken for how the destination is.
const fewSteps = 3
