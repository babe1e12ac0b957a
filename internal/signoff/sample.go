package signoff

import (
	"io"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/stream"
)

// How much of a stream is kept to be drawn.
const (
	maxSeries        = 12 // in all
	maxOfProject     = 4
	maxOfExperiment  = 2
	maxPoints        = 20_000 // of one series; one with more is not drawn
	maxKeptPoints    = 60_000 // of all
	leastDrawnPoints = 2
)

// A series is one metric of an experiment, as the stream has it.
type series struct {
	key, metric string
	in          stream.ProjectName
	points      []point
	tooLong     bool
}

type point struct{ x, y float64 }

// A sample is what is kept of the streams that pass.
type sample struct {
	url      string // of the source
	read     map[stream.ProjectName]int64
	listed   map[stream.ProjectName]int64 // as the source said
	order    []stream.ProjectName
	of       map[string]stream.ProjectName // experiments by key
	series   []*series
	kept     int
	open     string // key of the experiment
	inPlace  stream.ProjectName
	perGroup int
	full     atomic.Bool // no more series are to be drawn
}

// looked are the kinds that a sample is made from, without points.
var looked = stream.KindSetOf(stream.KindHeader, stream.KindProject, stream.KindExperiment)

// Read returns a reader of what r yields that looks at it on the way.
func (p *Page) Read(r io.Reader) io.Reader {
	in, out := io.Pipe()
	p.passing = out
	p.looking = make(chan struct{})
	go func() {
		defer close(p.looking)
		p.sample.look(in)
		// Whatever comes is taken: the reading must not wait for a page.
		_, _ = io.Copy(io.Discard, in)
	}()
	return io.TeeReader(r, out)
}

// End says that no more is read.
func (p *Page) End() {
	if p.passing != nil {
		_ = p.passing.Close() // of a pipe: it cannot fail
		<-p.looking
	}
}

// look reads streams as far as they are good. The import reports what is wrong
// with them.
func (s *sample) look(r io.Reader) {
	s.read, s.listed, s.of = make(map[stream.ProjectName]int64), make(map[stream.ProjectName]int64), make(map[string]stream.ProjectName)
	blocks := stream.NewBlockReader(r, stream.BlockReaderOptions{Workers: 1, Decode: s.wants})
	defer blocks.Close()
	for {
		b, err := blocks.Next()
		if err != nil {
			return
		}
		if !s.wants(&b.Label) {
			continue
		}
		records, err := b.Records()
		if err != nil {
			return
		}
		for _, record := range records {
			if !looked.Has(record.Kind) && record.Kind != stream.KindMetrics {
				continue
			}
			rec, err := record.Decode()
			if err != nil {
				return
			}
			s.take(rec)
		}
	}
}

// wants reports whether a block has something to keep. It may be called ahead of
// the reading, where a little too much does no harm.
func (s *sample) wants(l *stream.Label) bool {
	return l.Kinds.HasAny(looked) || !s.full.Load() && l.Kinds.Has(stream.KindMetrics)
}

func (s *sample) take(rec stream.Record) {
	switch rec := rec.(type) {
	case *stream.Header:
		s.url = rec.Source.URL
	case *stream.Project:
		at := stream.ProjectName{Workspace: rec.Workspace, Name: rec.Name}
		if _, known := s.listed[at]; !known {
			s.order = append(s.order, at)
		}
		s.listed[at] = max(s.listed[at], rec.Experiments)
	case *stream.Experiment:
		at := stream.ProjectName{Workspace: rec.Workspace, Name: rec.Project}
		if _, twice := s.of[rec.Key]; !twice {
			s.read[at]++
		}
		s.of[rec.Key] = at
		s.open, s.inPlace, s.perGroup = rec.Key, at, 0
	case *stream.Metrics:
		s.metric(rec)
	}
}

// metric keeps the points of a metric, if it is one to be drawn.
func (s *sample) metric(m *stream.Metrics) {
	var last *series
	if n := len(s.series); n > 0 && s.series[n-1].key == s.open && s.series[n-1].metric == m.Name {
		last = s.series[n-1]
	}
	if last == nil {
		last = s.begin(m)
		s.full.Store(last == nil && len(s.series) >= maxSeries || s.kept > maxKeptPoints)
		if last == nil {
			return
		}
	}
	if last.tooLong = last.tooLong || len(last.points)+len(m.Points) > maxPoints; last.tooLong {
		s.kept -= len(last.points)
		last.points = nil
		return
	}
	for i := range m.Points {
		if y, ok := m.Points[i].Value.Float64(); ok {
			last.points = append(last.points, point{at(m.Points[i].Step.OK, m.Points[i].Step.V, m.Points[i].Time.V), y})
		}
	}
	s.kept += len(m.Points)
}

// begin returns the series for a metric that comes first now, nil if it is not to
// be drawn.
func (s *sample) begin(m *stream.Metrics) *series {
	n := 0
	for _, x := range s.series {
		if x.in == s.inPlace {
			n++
		}
	}
	switch {
	case len(s.series) >= maxSeries, n >= maxOfProject, s.perGroup >= maxOfExperiment, s.kept > maxKeptPoints,
		len(m.Points) < leastDrawnPoints, stream.ResourceOfMetric(m.Name) != stream.ResourceOfMetric("loss"):
		return nil
	}
	s.perGroup++
	x := &series{key: s.open, metric: m.Name, in: s.inPlace}
	s.series = append(s.series, x)
	return x
}

// at is where a point is: at its step, or else at its time.
func at(hasStep bool, step, time int64) float64 {
	if hasStep {
		return float64(step)
	}
	return float64(time)
}
