package stream

import "maps"

// Totals are the numbers of a stream or a part of one.
type Totals struct {
	Records     int64  // all of them
	Counts      Counts // records by kind; header, plan, trailer, abort and the kinds that end in -end are not counted
	Projects    int64
	Experiments int64
	Points      int64
	AssetBytes  int64 // bytes in chunks
	Skipped     int64
}

// Count adds one record.
func (t *Totals) Count(r Raw) error {
	v, err := r.checked()
	if err != nil {
		return err
	}
	var s sums
	s.add(v)
	t.Add(s.totals())
	return nil
}

// Add adds other totals.
func (t *Totals) Add(other Totals) {
	if t.Counts == nil {
		t.Counts = Counts{}
	}
	for k, n := range other.Counts {
		t.Counts[k] += n
	}
	t.Records += other.Records
	t.Projects += other.Projects
	t.Experiments += other.Experiments
	t.Points += other.Points
	t.AssetBytes += other.AssetBytes
	t.Skipped += other.Skipped
}

// Minus returns what is left of t without other totals, which are a part of it. Kinds
// of which nothing is left are not counted any more.
func (t Totals) Minus(other Totals) Totals {
	left := Totals{
		Records: t.Records - other.Records, Counts: Counts{}, Projects: t.Projects - other.Projects, Experiments: t.Experiments - other.Experiments,
		Points: t.Points - other.Points, AssetBytes: t.AssetBytes - other.AssetBytes, Skipped: t.Skipped - other.Skipped,
	}
	for k, n := range t.Counts {
		if n -= other.Counts[k]; n != 0 {
			left.Counts[k] = n
		}
	}
	return left
}

// Equal reports whether all numbers are the same.
func (t Totals) Equal(other Totals) bool {
	return t.Records == other.Records && t.Projects == other.Projects && t.Experiments == other.Experiments &&
		t.Points == other.Points && t.AssetBytes == other.AssetBytes && t.Skipped == other.Skipped && maps.Equal(t.Counts, other.Counts)
}

// sums counts records fast.
type sums struct {
	records int64
	byBit   [64]int64
	unknown Counts // kinds without a bit
	points  int64
	bytes   int64
}

// maxUnknownKinds bounds what a hostile stream can make sums remember.
const maxUnknownKinds = 256

func (s *sums) add(v *view) {
	s.records++
	s.byBit[v.bit]++
	switch v.kind {
	case KindMetrics:
		s.points += int64(v.Rows)
	case KindChunk:
		s.bytes += int64(len(v.str(slotData)))
	}
	if v.bit == unknownBit {
		if s.unknown == nil {
			s.unknown = Counts{}
		}
		s.unknown[v.kind]++
	}
}

// notCounted are the kinds that no totals count by name, and the bit that has no
// name.
var notCounted = KindSetOf(KindHeader, KindPlan, KindTrailer, KindAbort,
	KindAssetEnd, KindExperimentEnd, KindArtifactEnd, KindModelEnd) | 1<<unknownBit

func (s *sums) counts() Counts {
	c := Counts{}
	for bit, n := range s.byBit {
		if n != 0 && notCounted&(1<<bit) == 0 {
			c[kindOf[bit].kind] = n
		}
	}
	maps.Copy(c, s.unknown)
	return c
}

func (s *sums) totals() Totals {
	counts := s.counts()
	return Totals{
		Records: s.records, Counts: counts, Projects: counts[KindProject], Experiments: counts[KindExperiment],
		Points: s.points, AssetBytes: s.bytes, Skipped: counts[KindSkipped],
	}
}

func (s *sums) clone() sums {
	c := *s
	c.unknown = maps.Clone(s.unknown)
	return c
}
