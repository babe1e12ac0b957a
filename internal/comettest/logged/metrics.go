package logged

import (
	"bytes"
	"io"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A metricCall is about metric points.
type metricCall struct{ *api.Call }

func metricRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/metrics/summary", Handle: api.In(metricCall.metricSummary)},
		{Method: "GET", Path: "experiment/metrics/get-metric", Handle: api.In(metricCall.getMetric)},
		{Method: "GET", Path: "experiment/metrics/get-all", Since: api.Version{3, 20, 60}, Handle: api.In(metricCall.getAllMetrics)},
		{Method: "POST", Path: "experiments/multi-metric-chart", Handle: api.JSON(metricCall.metricChart)},
	}
}

func (c metricCall) metricSummary() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		docs := []summaryDoc{}
		for _, name := range e.MetricNames {
			sum := e.Metrics[name].Summary()
			if sum.Any {
				docs = append(docs, newSummaryDoc(name, e.Stamp(sum.Min), e.Stamp(sum.Max), e.Stamp(sum.Current(c.Moods))))
			}
		}
		return c.Send(map[string]any{"values": docs})
	})
}

// getMetric answers the points of one metric. An unknown metric has none.
func (c metricCall) getMetric() error {
	name, err := c.Param("metricName")
	if err != nil {
		return err
	}
	e, err := c.Experiment(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return err
	}
	e.Lock()
	s := e.Snapshot(name)
	contexts := e.Contexts
	e.Unlock()
	var list []*metric.Series
	if s != nil {
		list = append(list, s)
	}
	return c.sendPoints(list, contexts)
}

func (c metricCall) getAllMetrics() error {
	e, err := c.Experiment(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return err
	}
	if c.Moods.NoGetAll {
		return refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found")
	}
	e.Lock()
	list := make([]*metric.Series, len(e.MetricNames))
	for i, name := range e.MetricNames {
		list[i] = e.Snapshot(name)
	}
	contexts := e.Contexts
	e.Unlock()
	return c.sendPoints(list, contexts)
}

// sendPoints answers with the points of all the series. They are written as
// they are unpacked: an answer may be far larger than the store.
func (c metricCall) sendPoints(list []*metric.Series, contexts []string) error {
	if c.Moods.ChangesDocs() {
		var doc bytes.Buffer
		err := c.writePoints(metric.NewWriter(&doc, contexts), list)
		c.SendRaw(doc.Bytes())
		return err
	}
	var dst io.Writer = c.Writer
	c.Writer.Header().Set("Content-Type", "application/json")
	if c.AcceptsGzip() {
		c.Writer.Header().Set("Content-Encoding", "gzip")
		zw := api.GetGzip(c.Writer)
		defer api.PutGzip(zw)
		dst = zw
	}
	return c.writePoints(metric.NewWriter(dst, contexts), list)
}

func (c metricCall) writePoints(pw *metric.Writer, list []*metric.Series) error {
	if c.Moods.InterleaveMetrics {
		c.interleave(pw, list)
	} else {
		for _, s := range list {
			pw.Metric(s.Name)
			s.EachKept(metric.ThinningOf(c.Moods), pw.Point)
		}
	}
	return pw.Close()
}

// interleave writes one point of each series after the other, round and round.
func (c metricCall) interleave(pw *metric.Writer, list []*metric.Series) {
	points := make([][]metric.Point, len(list))
	for i, s := range list {
		s.EachKept(metric.ThinningOf(c.Moods), func(p *metric.Point) bool {
			points[i] = append(points[i], *p)
			return true
		})
	}
	for row, more := 0, true; more; row++ {
		more = false
		for i, s := range list {
			if row < len(points[i]) {
				pw.Metric(s.Name)
				pw.Point(&points[i][row])
				more = true
			}
		}
	}
}
