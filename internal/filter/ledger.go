package filter

import (
	"maps"

	"github.com/comet-stream/comet-stream/stream"
)

// A ledger is the account of records that ends of groups and trailers give.
type ledger struct {
	counts      stream.Counts
	projects    int64
	experiments int64
	points      int64
	bytes       int64
	skipped     int64
}

// count adds a record.
func (l *ledger) count(r stream.Raw) error {
	var t stream.Totals
	if err := t.Count(r); err != nil {
		return err
	}
	l.add(ledger{t.Counts, t.Projects, t.Experiments, t.Points, t.AssetBytes, t.Skipped})
	return nil
}

func (l *ledger) add(other ledger) {
	if l.counts == nil {
		l.counts = stream.Counts{}
	}
	for kind, n := range other.counts {
		l.counts[kind] += n
	}
	l.projects += other.projects
	l.experiments += other.experiments
	l.points += other.points
	l.bytes += other.bytes
	l.skipped += other.skipped
}

// without takes out what belongs to the resources of a set in an experiment.
func (l *ledger) without(set stream.Resources) {
	for kind := range l.counts {
		if of := kind.Resource(); of != 0 && set.Has(of) {
			delete(l.counts, kind)
		}
	}
	if set.Has(stream.KindMetrics.Resource()) {
		l.points = 0
	}
	if set.Has(stream.KindAsset.Resource()) {
		l.bytes = 0
	}
}

// minus returns what is left of l when gone is gone. A number below zero is
// not for the ledger to judge: whoever reads the stream to its end finds that
// its totals do not hold.
func (l *ledger) minus(gone ledger) ledger {
	left := ledger{
		counts:      stream.Counts{},
		projects:    l.projects - gone.projects,
		experiments: l.experiments - gone.experiments,
		points:      l.points - gone.points,
		bytes:       l.bytes - gone.bytes,
		skipped:     l.skipped - gone.skipped,
	}
	for kind, n := range l.counts {
		if n -= gone.counts[kind]; n != 0 {
			left.counts[kind] = n
		}
	}
	return left
}

func (l *ledger) equal(other *ledger) bool {
	return l.projects == other.projects && l.experiments == other.experiments && l.points == other.points && l.bytes == other.bytes &&
		l.skipped == other.skipped && maps.Equal(l.counts, other.counts)
}

// ledgerOf returns the account in the end of a group.
func ledgerOf(rec stream.Record) ledger {
	switch end := rec.(type) {
	case *stream.ExperimentEnd:
		return ledger{end.Counts, 0, 0, end.Points, end.AssetBytes, end.Skipped}
	case *stream.ArtifactEnd:
		return ledger{end.Counts, 0, 0, 0, end.AssetBytes, end.Skipped}
	case *stream.ModelEnd:
		return ledger{end.Counts, 0, 0, 0, 0, end.Skipped}
	case *stream.Trailer:
		return ledger{end.Counts, end.Projects, end.Experiments, end.Points, end.AssetBytes, end.Skipped}
	}
	return ledger{}
}

// setLedger is the inverse of ledgerOf.
func setLedger(rec stream.Record, l ledger) {
	switch end := rec.(type) {
	case *stream.ExperimentEnd:
		end.Counts, end.Points, end.AssetBytes, end.Skipped = l.counts, l.points, l.bytes, l.skipped
	case *stream.ArtifactEnd:
		end.Counts, end.AssetBytes, end.Skipped = l.counts, l.bytes, l.skipped
	case *stream.ModelEnd:
		end.Counts, end.Skipped = l.counts, l.skipped
	case *stream.Trailer:
		end.Counts, end.Projects, end.Experiments, end.Points, end.AssetBytes, end.Skipped =
			l.counts, l.projects, l.experiments, l.points, l.bytes, l.skipped
	}
}
