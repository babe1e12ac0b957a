package signoff

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A drawing shows a series of both sides.
type drawing struct {
	Key, Metric, In     string
	Source, Destination int // points
	Error               string
	Same                bool
	Low, High           string // values
	Lines               [2]string
}

// The size of a drawing, in the units of its lines.
const (
	drawnWidth  = 240.0
	drawnHeight = 60.0
)

// draw asks for the series of the destination, and draws both in one scale.
func draw(ctx context.Context, s *series, key string, to Destination) *drawing {
	d := &drawing{Key: s.key, Metric: s.metric, In: s.in.String(), Source: len(s.points)}
	var shown []point
	if key == "" {
		d.Error = "it is not at the destination"
	} else if err := to.Points(ctx, key, s.metric, func(hasStep bool, step, time int64, value float64) {
		if len(shown) < 2*maxPoints {
			shown = append(shown, point{at(hasStep, step, time), value})
		}
	}); err != nil {
		d.Error = err.Error()
	}
	d.Destination = len(shown)
	for _, points := range [][]point{s.points, shown} {
		slices.SortFunc(points, func(a, b point) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
	}
	d.Same = d.Error == "" && slices.EqualFunc(s.points, shown, func(a, b point) bool {
		return a.x == b.x && (a.y == b.y || math.IsNaN(a.y) && math.IsNaN(b.y))
	})
	box := boxOf(s.points, shown)
	d.Low, d.High = fmt.Sprintf("%.4g", box.y0), fmt.Sprintf("%.4g", box.y1)
	d.Lines = [2]string{box.line(s.points), box.line(shown)}
	return d
}

// A box is what a drawing spans.
type box struct{ x0, x1, y0, y1 float64 }

func boxOf(all ...[]point) box {
	b := box{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, points := range all {
		for _, p := range points {
			if finite(p.y) {
				b.x0, b.x1, b.y0, b.y1 = min(b.x0, p.x), max(b.x1, p.x), min(b.y0, p.y), max(b.y1, p.y)
			}
		}
	}
	if b.x1 < b.x0 {
		return box{}
	}
	return b
}

// line returns the points of a polyline. Of many points only the lowest and
// highest per unit of width are drawn.
func (b box) line(points []point) string {
	var out strings.Builder
	put := func(p point) {
		fmt.Fprintf(&out, "%.1f,%.1f ", scale(p.x, b.x0, b.x1, drawnWidth), drawnHeight-scale(p.y, b.y0, b.y1, drawnHeight))
	}
	column, low, high := -1, point{}, point{}
	flush := func() {
		if column >= 0 {
			put(low)
			if low != high {
				put(high)
			}
		}
	}
	for _, p := range points {
		if !finite(p.y) {
			continue
		}
		if at := int(scale(p.x, b.x0, b.x1, drawnWidth)); at != column {
			flush()
			column, low, high = at, p, p
		}
		if p.y < low.y {
			low = p
		}
		if p.y > high.y {
			high = p
		}
	}
	flush()
	return strings.TrimSpace(out.String())
}

func scale(v, from, to, size float64) float64 {
	if to <= from {
		return size / 2
	}
	return (v - from) / (to - from) * size
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
