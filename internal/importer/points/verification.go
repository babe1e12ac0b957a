package points

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// ReadBack compares the multiset of points of each metric. Points beyond those
// of the stream are found too, as they are when something was written twice.
func (ps *Points) ReadBack(ctx context.Context) ([]report.Issue, error) {
	var found report.Findings
	if len(ps.sums) == 0 {
		return nil, nil
	}
	names := slices.Sorted(maps.Keys(ps.sums))
	have := make(map[string]*pointset.Digest, len(names))
	for _, name := range names {
		have[name] = new(pointset.Digest)
		if ps.Mode == reconcile.VerifyOnly {
			*have[name] = ps.sums[name].shown
		}
	}
	if ps.Mode != reconcile.VerifyOnly {
		h := pointset.NewHasher("")
		err := ps.read.eachOf(ctx, names, true, func(metric string) { *have[metric] = pointset.Digest{} }, func(p *comet.Point) error {
			if d := have[p.Name]; d != nil {
				h.Use(p.Name)
				d.Add(h.Existing(p))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if reason := ps.compareMetric(name, ps.sums[name], *have[name]); reason != "" {
			found.Add(report.Issue{Kind: string(stream.KindMetrics), Name: name, Reason: reason})
		}
	}
	return found.Issues(), nil
}

// compareMetric says in what a metric of the destination is another one, "" if it
// is not.
func (ps *Points) compareMetric(name string, want *metricSum, have pointset.Digest) string {
	switch {
	case have == want.all || have == want.unique:
	case have.N < want.all.N && have.N >= ps.limits.seriesCap && want.extra > 0:
		return fmt.Sprintf("the destination shows %d of the %d points, and %d that are not in the stream", have.N-want.extra, want.all.N, want.extra)
	case have.N < want.all.N && have.N >= ps.limits.seriesCap:
		if !want.thinned {
			want.thinned = true
			ps.Issue(thinned(name, have.N, want.all.N))
		}
	case have.N == want.all.N:
		return fmt.Sprintf("%d points, which differ from those in the stream", have.N)
	default:
		return fmt.Sprintf("%d points in the stream, %d at the destination", want.all.N, have.N)
	}
	return ""
}
