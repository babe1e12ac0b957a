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
	t.add(&s)
	return nil
}

func (t *Totals) add(s *sums) {
	counts := s.counts()
	if t.Counts == nil {
		t.Counts = counts
	} else {
		for k, n := range counts {
			t.Counts[k] += n
		}
	}
	t.Records += s.records
	t.Projects += counts[KindProject]
	t.Experiments += counts[KindExperiment]
	t.Skipped += counts[KindSkipped]
	t.Points += s.points
	t.AssetBytes += s.bytes
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
	var t Totals
	t.add(s)
	return t
}

func (s *sums) clone() sums {
	c := *s
	c.unknown = maps.Clone(s.unknown)
	return c
}
