package filter

import (
	"context"
	"io"
	"math"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// Survey reads the streams in r ahead, and returns which experiments fulfil the
// conditions of a selection: what these are about comes after the record that has
// to be kept or dropped. The summary of a metric is that of the points in the
// stream. Errors of r are left to the reading that follows.
func Survey(ctx context.Context, r io.Reader, chosen *selection.Selection) (map[string]bool, error) {
	s := newSurveyor(chosen)
	blocks := stream.NewBlockReader(openInput(ctx, r, new(progress.Counters)), stream.BlockReaderOptions{
		Decode: func(l *stream.Label) bool { return l.Kinds.HasAny(s.kinds) },
	})
	defer blocks.Close()
	for {
		b, err := blocks.Next()
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err == nil && !b.Label.Kinds.HasAny(s.kinds):
			continue
		case err == nil:
			err = s.block(b)
		}
		if err != nil {
			return s.holding, nil
		}
	}
}

// A surveyor is one run of Survey.
type surveyor struct {
	chosen  *selection.Selection
	kinds   stream.KindSet
	holding map[string]bool
	facts   *selection.Facts // of the open experiment

	metric    string // that the last record was of
	low, high float64
	last      string
}

func newSurveyor(chosen *selection.Selection) *surveyor {
	s := &surveyor{
		chosen: chosen, holding: make(map[string]bool),
		kinds: stream.KindSetOf(stream.KindExperiment, stream.KindExperimentEnd),
	}
	parameters, others, metrics := chosen.Asks()
	for kind, asked := range map[stream.Kind]bool{stream.KindParameters: parameters, stream.KindOthers: others, stream.KindMetrics: metrics} {
		if asked {
			s.kinds |= stream.KindSetOf(kind)
		}
	}
	return s
}

func (s *surveyor) block(b *stream.Block) error {
	records, err := b.Records()
	for i := 0; err == nil && i < len(records); i++ {
		if !s.kinds.Has(records[i].Kind) {
			continue
		}
		var rec stream.Record
		if rec, err = records[i].Decode(); err == nil {
			s.take(rec)
		}
	}
	return err
}

func (s *surveyor) take(rec stream.Record) {
	if e, ok := rec.(*stream.Experiment); ok {
		s.facts, s.metric = s.chosen.Facts(), ""
		s.holding[e.Key] = false
		return
	}
	if s.facts == nil {
		return
	}
	switch rec := rec.(type) {
	case *stream.ExperimentEnd:
		s.holding[rec.Key] = s.facts.Hold()
		s.facts = nil
	case *stream.Values:
		note := s.facts.Parameter
		if rec.Of == stream.KindOthers {
			note = s.facts.Other
		}
		for _, doc := range rec.Values {
			name, _ := doc.Member("name").Text()
			if value, ok := doc.Member("valueCurrent").Text(); ok {
				note(name, value)
			}
		}
	case *stream.Metrics:
		s.points(rec)
	}
}

// points notes the summary of a metric so far.
func (s *surveyor) points(m *stream.Metrics) {
	if m.Name != s.metric {
		s.metric, s.low, s.high = m.Name, math.Inf(1), math.Inf(-1)
	}
	for i := range m.Points {
		if v, ok := m.Points[i].Value.Float64(); ok && !math.IsNaN(v) {
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
		s.last = m.Points[i].Value.Text()
	}
	text := func(v float64) string {
		if math.IsInf(v, 0) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	s.facts.Metric(m.Name, text(s.low), text(s.high), s.last)
}
