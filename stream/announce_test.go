package stream

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a record announces is what it was given, as far as it has a place for it.
func TestAnnounced(t *testing.T) {
	all := Totals{Counts: Counts{KindAsset: 3}, Projects: 1, Experiments: 2, Points: 4, AssetBytes: 5, Skipped: 6}
	for _, test := range []struct {
		rec  Record
		want Totals
	}{
		{&Trailer{}, all},
		{&ExperimentEnd{}, Totals{Counts: all.Counts, Points: 4, AssetBytes: 5, Skipped: 6}},
		{&ArtifactEnd{}, Totals{Counts: all.Counts, AssetBytes: 5, Skipped: 6}},
		{&ModelEnd{}, Totals{Counts: all.Counts, Skipped: 6}},
	} {
		all.Announce(test.rec)
		if diff := cmp.Diff(test.want, Announced(test.rec)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.rec.Kind(), diff)
		}
	}
}

// Totals without a part of them, and that part again, are what they were.
func TestTotalsMinus(t *testing.T) {
	whole := Totals{Records: 9, Counts: Counts{KindAsset: 3, KindChunk: 2}, Projects: 1, Experiments: 2, Points: 4, AssetBytes: 5, Skipped: 6}
	part := Totals{Records: 4, Counts: Counts{KindAsset: 3}, Experiments: 1, Points: 4, AssetBytes: 2}
	left := whole.Minus(part)
	want := Totals{Records: 5, Counts: Counts{KindChunk: 2}, Projects: 1, Experiments: 1, AssetBytes: 3, Skipped: 6}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if left.Add(part); !left.Equal(whole) || left.Equal(part) {
		t.Errorf("together again %+v, want %+v", left, whole)
	}
}
