package points

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/stream"
)

// errTooMany says that an experiment has too many points for one set.
var errTooMany = errors.New("too many points for one set")

// maxPoints is how many points of an experiment are held at a time. For an
// experiment that has more, metrics are read one by one.
const maxPoints = 6 << 20

// shareStep is how many points are asked for at a time.
const shareStep = 16 << 10

// A reading is what is read of the points of an experiment.
type reading struct {
	*session.Experiment
	limits    *Limits
	readAhead flow.Future[*pointset.Set]
	share     *flow.Share // of the room for what is held of them
	named     summaries   // once they are read
}

// readExisting reads what the destination has of the points: all of them, or those
// of the metric where it has to be.
func (ps *Points) readExisting(ctx context.Context, metric string) error {
	if !ps.each {
		// The kind may have been announced before the experiment was known.
		ps.Prefetch(ctx)
		set, err := ps.read.readAhead.Wait(ctx)
		switch {
		case err == nil:
			ps.have, ps.sure = set, ps.Unfinished
			return nil
		case !errors.Is(err, comet.ErrUnsupported) && err != errTooMany:
			return err
		}
		ps.each = true
	}
	ps.have = nil
	ps.Free()
	set, err := ps.read.inTurn(ctx, metric, ps.read.settled)
	ps.have, ps.sure = set, ps.Unfinished
	return err
}

// Prefetch begins to read all points of the experiment, before its turn.
func (ps *Points) Prefetch(ctx context.Context) {
	ps.read.readAhead.Start(&ps.Reading, func() (*pointset.Set, error) { return ps.read.inTurn(ctx, "", ps.read.settled) })
}

// inTurn reads a set, when it is the turn of the experiment if there is no
// room for it before.
func (r *reading) inTurn(ctx context.Context, metric string, read func(context.Context, string) (*pointset.Set, error)) (*pointset.Set, error) {
	return flow.InTurn(ctx, r.Turn, func() (*pointset.Set, error) { return read(ctx, metric) })
}

// settled reads a set of points. Of an experiment that an earlier import
// has left unfinished, maybe a moment ago, it reads until enough readings agree:
// what it lacks will be written, and must not be there already. Only the last of
// them needs memory.
func (r *reading) settled(ctx context.Context, metric string) (set *pointset.Set, err error) {
	if !r.Unfinished || r.Dry() {
		return r.set(ctx, metric)
	}
	_, err = reconcile.Settle(ctx, r.WaitSettled, reconcile.Agreeing, func(agreed int) (d pointset.Digest, _ bool, err error) {
		set = nil
		if agreed+1 < reconcile.Agreeing {
			d, err = r.digest(ctx, metric)
		} else if set, err = r.set(ctx, metric); err == nil {
			d = set.Digest
		}
		return d, false, err
	})
	return set, err
}

// makeSure reads again until enough readings agree, before the first point is
// written that the destination seems to lack.
func (ps *Points) makeSure(ctx context.Context) error {
	metric := ""
	if ps.each {
		metric = ps.name
	}
	_, err := reconcile.Settle(ctx, ps.WaitSettled, reconcile.Agreeing, func(agreed int) (pointset.Digest, bool, error) {
		if agreed == 0 {
			return ps.have.Digest, false, nil
		}
		d, err := ps.read.digest(ctx, metric)
		if err != nil || d == ps.have.Digest {
			return d, false, err
		}
		set, err := ps.read.inTurn(ctx, metric, ps.read.set)
		if err != nil {
			return d, false, err
		}
		set.TakeSame(ps.have)
		ps.have, ps.series = set, set.Of(ps.name)
		return d, false, nil
	})
	if err != nil {
		return fmt.Errorf("read metric %q: %w", ps.name, err)
	}
	ps.sure = true
	return nil
}

// set reads what the destination has of one metric, or of all.
func (r *reading) set(ctx context.Context, metric string) (*pointset.Set, error) {
	set, mine := pointset.New(), r.Share()
	h, room := pointset.NewHasher(""), int64(0)
	var series *pointset.Series
	last := ""
	err := r.each(ctx, metric, func() {
		set, series, last = pointset.New(), nil, ""
	}, func(p *comet.Point) error {
		if set.Digest.N == room {
			if err := enlarge(mine, room, metric); err != nil {
				return err
			}
			room += shareStep
		}
		h.Use(p.Name)
		if series == nil || last != p.Name {
			last = p.Name
			if series = set.Series[last]; series == nil {
				if err := mine.Take(int64(len(last)) + pointset.SeriesSize); err != nil {
					return err
				}
				series = set.Of(last)
			}
		}
		set.Add(series, h.Existing(p), stream.Position{Time: pointset.Int64(p.Time), Step: pointset.Int64(p.Step)})
		return nil
	})
	if err != nil {
		mine.Free()
		return nil, err
	}
	r.share.Free()
	r.share = mine
	set.Seal()
	r.limits.showing(metric != "", func(k *showing) {
		for _, s := range set.Series {
			k.most = max(k.most, s.Digest.N)
		}
	})
	return set, nil
}

func enlarge(s *flow.Share, have int64, metric string) error {
	if metric == "" && have >= maxPoints {
		return errTooMany
	}
	return s.Take(shareStep * pointset.HashSize)
}

// digest reads the digest of that alone, which needs no memory.
func (r *reading) digest(ctx context.Context, metric string) (pointset.Digest, error) {
	var d pointset.Digest
	h := pointset.NewHasher("")
	err := r.each(ctx, metric, func() { d = pointset.Digest{} }, func(p *comet.Point) error {
		h.Use(p.Name)
		d.Add(h.Existing(p))
		return nil
	})
	return d, err
}

// each reads the points of one metric, or of all if it is "".
func (r *reading) each(ctx context.Context, metric string, restart func(), yield func(*comet.Point) error) error {
	var err error
	if metric == "" {
		err = r.Client.Metrics.AllPoints(ctx, r.Key, restart, yield)
	} else {
		err = r.Client.Metrics.Points(ctx, r.Key, metric, restart, yield)
	}
	// Older servers answer so for what has no points.
	if answer.Absent(err) && !errors.Is(err, comet.ErrUnsupported) {
		return nil
	}
	return err
}

// eachOf reads the points of some metrics: together, or where the destination cannot
// do that, one metric after the other. restart is called for each that is read again.
func (r *reading) eachOf(ctx context.Context, metrics []string, together bool, restart func(metric string), yield func(*comet.Point) error) error {
	if together {
		err := r.each(ctx, "", func() {
			for _, name := range metrics {
				restart(name)
			}
		}, yield)
		if !errors.Is(err, comet.ErrUnsupported) {
			return err
		}
	}
	for _, name := range metrics {
		if err := r.each(ctx, name, func() { restart(name) }, yield); err != nil {
			return err
		}
	}
	return nil
}

// maxNamesRead is how many metrics are read one by one to look for a batch
// before all of them are read together.
const maxNamesRead = 4

// missing returns the points of a batch that have not arrived at the
// destination, once enough readings have agreed on that.
func (r *reading) missing(ctx context.Context, batch []point) (rest []point, err error) {
	_, err = reconcile.Settle(ctx, r.WaitSettled, reconcile.Agreeing, func(int) (d pointset.Digest, _ bool, err error) {
		found, err := r.lookFor(ctx, batch)
		if err != nil {
			return d, false, err
		}
		rest = found.missing(batch, r.limits.seriesCap)
		return found.digest(), len(rest) == 0, nil
	})
	return rest, err
}

// arrived is what a reading has found of a batch, by metric.
type arrived map[string]*arrival

type arrival struct {
	want   map[pointset.Hash]int // how often each point of the batch was not found
	n      int64                 // points that the destination has
	found  int                   // of them, those of the batch
	digest pointset.Digest       // of those
}

func newArrival(name string, batch []point) *arrival {
	a := &arrival{want: make(map[pointset.Hash]int)}
	for _, p := range batch {
		if p.name == name {
			a.want[p.hash]++
		}
	}
	return a
}

func (a *arrival) take(h pointset.Hash) {
	a.n++
	n, ok := a.want[h]
	if !ok {
		return
	}
	a.digest.Add(h)
	if n > 0 {
		a.want[h]--
		a.found++
	}
}

// missing returns the points that were not found. In a series that is full, a
// batch of which anything is found has arrived whole: the rest is thinned out.
func (a arrived) missing(batch []point, full int64) []point {
	var rest []point
	for _, p := range batch {
		s := a[p.name]
		if s.want[p.hash] > 0 && !(s.n >= full && s.found > 0) {
			s.want[p.hash]--
			rest = append(rest, p)
		}
	}
	return rest
}

func (a arrived) digest() pointset.Digest {
	var d pointset.Digest
	for _, s := range a {
		d.N += s.digest.N
		d.Sum += s.digest.Sum
	}
	return d
}

// lookFor reads the metrics of a batch and looks for its points.
func (r *reading) lookFor(ctx context.Context, batch []point) (arrived, error) {
	found := make(arrived)
	for _, p := range batch {
		if found[p.name] == nil {
			found[p.name] = newArrival(p.name, batch)
		}
	}
	h := pointset.NewHasher("")
	err := r.eachOf(ctx, slices.Collect(maps.Keys(found)), len(found) > maxNamesRead, func(metric string) {
		found[metric] = newArrival(metric, batch)
	}, func(p *comet.Point) error {
		if s := found[p.Name]; s != nil {
			h.Use(p.Name)
			s.take(h.Existing(p))
		}
		return nil
	})
	return found, err
}
