package importer

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/stream"
)

// points compares the multiset of points of each metric. Points beyond those
// of the stream are found too, as they are when something was written twice.
func (v *verification) points(ctx context.Context) error {
	if len(v.x.metrics) == 0 {
		return nil
	}
	have := make(map[string]*pointset.Digest)
	for name := range v.x.metrics {
		have[name] = new(pointset.Digest)
	}
	h := pointset.NewHasher("")
	take := func(p *comet.Point) error {
		if d := have[p.Name]; d != nil {
			h.Use(p.Name)
			d.Add(h.Existing(p))
		}
		return nil
	}
	err := v.e.eachPoint(ctx, "", func() {
		for name := range have {
			*have[name] = pointset.Digest{}
		}
	}, take)
	if errors.Is(err, comet.ErrUnsupported) {
		err = nil
		for name := range have {
			if err = v.e.eachPoint(ctx, name, func() { *have[name] = pointset.Digest{} }, take); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		v.compareMetric(name, v.x.metrics[name], *have[name])
	}
	return nil
}

func (v *verification) compareMetric(name string, want *metricSum, have pointset.Digest) {
	kind := string(stream.KindMetrics)
	switch {
	case have == want.all || have == want.unique:
	case have.N < want.all.N && have.N >= v.e.r.o.SeriesCap:
		if !want.thinned {
			want.thinned = true
			v.e.Issue(thinned(name, have.N, want.all.N))
		}
	case have.N == want.all.N:
		v.finds(kind, name, "%d points, but not those of the stream", have.N)
	default:
		v.finds(kind, name, "%d points in the stream, %d at the destination", want.all.N, have.N)
	}
}
