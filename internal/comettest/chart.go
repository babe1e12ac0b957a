package comettest

import "sort"

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
func (c metricCall) metricChart() error {
	var req chartRequest
	if err := c.decode(&req); err != nil {
		return err
	}
	docs := make(map[string]*chartDoc)
	for _, key := range req.TargetedExperiments {
		e, err := c.experiment(key, RoleViewer)
		if err != nil {
			return err
		}
		if doc := c.chart(e, &req); doc != nil {
			docs[key] = doc
		}
	}
	return c.send(map[string]any{"experiments": docs, "empty": len(docs) == 0})
}

// chart is nil if e has nothing of what is asked for.
func (c metricCall) chart(e *experiment, req *chartRequest) *chartDoc {
	e.mu.Lock()
	defer e.mu.Unlock()
	doc := &chartDoc{ExperimentKey: e.key, Steps: []int64{}, Metrics: []chartMetric{}}
	for _, name := range req.Metrics {
		if s := e.snapshot(name); s != nil {
			doc.Metrics = append(doc.Metrics, c.chartMetric(e, s, req.FetchFull))
		}
	}
	for _, name := range req.Params {
		if v := e.params.get(name); v != nil {
			if doc.Params == nil {
				doc.Params = make(map[string]string)
			}
			doc.Params[name] = v.current.text
		}
	}
	if len(doc.Metrics) == 0 && doc.Params == nil {
		return nil
	}
	doc.shareSteps(req.IndependentMetrics)
	return doc
}

func (c metricCall) chartMetric(e *experiment, s *series, full bool) chartMetric {
	m := chartMetric{MetricName: s.name, Values: []float64{}, Steps: []*int64{}, Epochs: []*int64{},
		Timestamps: []int64{}, Durations: []int64{}}
	shown := showingOf(c.moods)
	if !full && (shown.limit <= 0 || shown.limit > chartPoints) {
		shown.limit = chartPoints
	}
	s.kept(shown, func(p *point) bool {
		f, ok := p.value.number()
		if !ok || f-f != 0 {
			return true
		}
		m.Values = append(m.Values, f)
		m.Steps = append(m.Steps, pointer(p.step, p.hasStep))
		m.Epochs = append(m.Epochs, pointer(p.epoch, p.hasEpo))
		m.Timestamps = append(m.Timestamps, p.time)
		m.Durations = append(m.Durations, p.time-e.start)
		return true
	})
	return m
}

func pointer(v int64, have bool) *int64 {
	if !have {
		return nil
	}
	return &v
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
