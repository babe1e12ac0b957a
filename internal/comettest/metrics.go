package comettest

import (
	"bytes"
	"io"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func metricRoutes() []route {
	return []route{
		{method: "GET", path: "experiment/metrics/summary", handle: in(metricCall.metricSummary)},
		{method: "GET", path: "experiment/metrics/get-metric", handle: in(metricCall.getMetric)},
		{method: "GET", path: "experiment/metrics/get-all", since: version{3, 20, 60}, handle: in(metricCall.getAllMetrics)},
		{method: "POST", path: "experiments/multi-metric-chart", handle: in(metricCall.metricChart)},
	}
}

func (c metricCall) metricSummary() error {
	return c.readExperiment(func(e *store.Experiment) error {
		docs := []summaryDoc{}
		for _, name := range e.MetricNames {
			sum := e.Metrics[name].Summary()
			if sum.Any {
				docs = append(docs, newSummaryDoc(name, e.Stamp(sum.Min), e.Stamp(sum.Max), e.Stamp(sum.Current(c.moods))))
			}
		}
		return c.send(map[string]any{"values": docs})
	})
}

// getMetric answers the points of one metric. An unknown metric has none.
func (c metricCall) getMetric() error {
	name, err := c.param("metricName")
	if err != nil {
		return err
	}
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
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
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	if c.moods.NoGetAll {
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
	if c.moods.ChangesDocs() {
		var doc bytes.Buffer
		err := c.writePoints(metric.NewWriter(&doc, contexts), list)
		c.sendRaw(doc.Bytes())
		return err
	}
	var dst io.Writer = c.w
	c.w.Header().Set("Content-Type", "application/json")
	if c.acceptsGzip() {
		c.w.Header().Set("Content-Encoding", "gzip")
		zw := getGzip(c.w)
		defer putGzip(zw)
		dst = zw
	}
	return c.writePoints(metric.NewWriter(dst, contexts), list)
}

func (c metricCall) writePoints(pw *metric.Writer, list []*metric.Series) error {
	if c.moods.InterleaveMetrics {
		c.interleave(pw, list)
	} else {
		for _, s := range list {
			pw.Metric(s.Name)
			s.EachKept(metric.ThinningOf(c.moods), pw.Point)
		}
	}
	return pw.Close()
}

// interleave writes one point of each series after the other, round and round.
func (c metricCall) interleave(pw *metric.Writer, list []*metric.Series) {
	points := make([][]metric.Point, len(list))
	for i, s := range list {
		s.EachKept(metric.ThinningOf(c.moods), func(p *metric.Point) bool {
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
