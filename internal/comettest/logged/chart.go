package logged

import (
	"sort"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

type chartRequest struct {
	TargetedExperiments []string `json:"targetedExperiments"`
	Metrics             []string `json:"metrics"`
	Params              []string `json:"params"`
	IndependentMetrics  bool     `json:"independentMetrics"`
	FetchFull           bool     `json:"fetchFull"`
}

type chartDoc struct {
	ExperimentKey string            `json:"experiment_key"`
	Steps         []int64           `json:"steps"`
	Epochs        []int64           `json:"epochs"`
	Metrics       []chartMetric     `json:"metrics"`
	Params        map[string]string `json:"params"`
}

type chartMetric struct {
	MetricName string    `json:"metricName"`
	Values     []float64 `json:"values"`
	Steps      []*int64  `json:"steps"`
	Epochs     []*int64  `json:"epochs"`
	Timestamps []int64   `json:"timestamps"`
	Durations  []int64   `json:"durations"`
}

// chartPoints is the number of points of a metric in a chart that is not
// asked for in full.
const chartPoints = 500

// metricChart answers with arrays for drawing. Values that no chart shows,
// such as NaN and text, are left out.
func (c metricCall) metricChart(req *chartRequest) error {
	docs := make(map[string]*chartDoc)
	for _, key := range req.TargetedExperiments {
		e, err := c.Experiment(key, api.RoleViewer)
		if err != nil {
			return err
		}
		if doc := c.chart(e, req); doc != nil {
			docs[key] = doc
		}
	}
	return c.Send(map[string]any{"experiments": docs, "empty": len(docs) == 0})
}

// chart is nil if e has nothing of what is asked for.
func (c metricCall) chart(e *store.Experiment, req *chartRequest) *chartDoc {
	e.Lock()
	defer e.Unlock()
	doc := &chartDoc{ExperimentKey: e.Key, Steps: []int64{}, Metrics: []chartMetric{}}
	for _, name := range req.Metrics {
		if s := e.Snapshot(name); s != nil {
			doc.Metrics = append(doc.Metrics, c.chartMetric(e, s, req.FetchFull))
		}
	}
	for _, name := range req.Params {
		if v := e.Parameters.Get(name); v != nil {
			if doc.Params == nil {
				doc.Params = make(map[string]string)
			}
			doc.Params[name] = v.Current.Text
		}
	}
	if len(doc.Metrics) == 0 && doc.Params == nil {
		return nil
	}
	doc.shareSteps(req.IndependentMetrics)
	return doc
}

func (c metricCall) chartMetric(e *store.Experiment, s *metric.Series, full bool) chartMetric {
	m := chartMetric{MetricName: s.Name, Values: []float64{}, Steps: []*int64{}, Epochs: []*int64{},
		Timestamps: []int64{}, Durations: []int64{}}
	shown := metric.ThinningOf(c.Moods)
	if !full && (shown.Limit <= 0 || shown.Limit > chartPoints) {
		shown.Limit = chartPoints
	}
	s.EachKept(shown, func(p *metric.Point) bool {
		f, ok := p.Value.Number()
		if !ok || f-f != 0 {
			return true
		}
		m.Values = append(m.Values, f)
		m.Steps = append(m.Steps, metric.Optional(p.Step, p.HasStep))
		m.Epochs = append(m.Epochs, metric.Optional(p.Epoch, p.HasEpoch))
		m.Timestamps = append(m.Timestamps, p.Time)
		m.Durations = append(m.Durations, p.Time-e.Start)
		return true
	})
	return m
}

// shareSteps fills the steps that all metrics have in common.
func (d *chartDoc) shareSteps(independent bool) {
	seen := make(map[int64]bool)
	for i := range d.Metrics {
		for _, step := range d.Metrics[i].Steps {
			if step != nil && !seen[*step] {
				seen[*step] = true
				d.Steps = append(d.Steps, *step)
			}
		}
		if !independent {
			d.Metrics[i].Steps, d.Metrics[i].Epochs = nil, nil
		}
	}
	sort.Slice(d.Steps, func(i, j int) bool { return d.Steps[i] < d.Steps[j] })
}
