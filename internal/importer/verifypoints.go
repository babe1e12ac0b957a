package importer

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// points compares the multiset of points of each metric. Points beyond those
// of the stream are found too, as they are when something was written twice.
func (v *verification) points(ctx context.Context) error {
	if len(v.x.metrics) == 0 {
		return nil
	}
	have := make(map[string]*digest)
	for name := range v.x.metrics {
		have[name] = new(digest)
	}
	h := newHasher("")
	take := func(p *comet.Point) error {
		if d := have[p.Name]; d != nil {
			h.use(p.Name)
			d.add(h.there(p))
		}
		return nil
	}
	err := v.e.eachPoint(ctx, "", func() {
		for name := range have {
			*have[name] = digest{}
		}
	}, take)
	if errors.Is(err, comet.ErrUnsupported) {
		err = nil
		for name := range have {
			if err = v.e.eachPoint(ctx, name, func() { *have[name] = digest{} }, take); err != nil {
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

func (v *verification) compareMetric(name string, want *metricSum, have digest) {
	kind := string(stream.KindMetrics)
	switch {
	case have == want.all || have == want.unique:
	case have.n < want.all.n && have.n >= v.e.r.o.SeriesCap:
		if !want.thinned {
			want.thinned = true
			v.e.Issue(thinned(name, have.n, want.all.n))
		}
	case have.n == want.all.n:
		v.finds(kind, name, "%d points, but not those of the stream", have.n)
	default:
		v.finds(kind, name, "%d points in the stream, %d at the destination", want.all.n, have.n)
	}
}
