package comettest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/mood"
)

type combinedHistogram struct {
	Step      *int64          `json:"step"`
	Histogram json.RawMessage `json:"histogram"`
}

// derivedAssets remembers what the server made of an experiment's data, and
// from how much of it.
type derivedAssets struct {
	combined []*asset
	changes  int // of assets, when combined was made
	full     map[string]fullMetric
}

// combinedHistograms are the aggregates of e's histogram3d assets, one for
// each name of which a client has not put one there. The lock of e is held.
func (e *experiment) combinedHistograms() []*asset {
	if e.perType[typeHistogram] == 0 {
		return nil
	}
	if e.derived.changes != e.changes {
		e.derived.combined, e.derived.changes = e.combine(), e.changes
	}
	return e.derived.combined
}

// byStep orders assets without a step first, and those of one step by id, so
// that what is made of them does not depend on the order of their uploads.
func byStep(a, b *asset) int {
	switch {
	case (a.step == nil) != (b.step == nil):
		if a.step == nil {
			return -1
		}
		return 1
	case a.step != nil && *a.step != *b.step:
		return cmp.Compare(*a.step, *b.step)
	}
	return cmp.Compare(a.id, b.id)
}

func (e *experiment) combine() []*asset {
	var first []*asset // of each name
	parts := make(map[string][]combinedHistogram)
	given := make(map[string]bool)
	for _, a := range e.assets {
		given[a.name] = given[a.name] || a.typ == typeCombined
	}
	for _, a := range slices.SortedFunc(slices.Values(e.assets), byStep) {
		if a.typ != typeHistogram || a.remote || given[a.name] {
			continue
		}
		content, err := a.body.Bytes(maxHistogram)
		if err != nil || !json.Valid(content) {
			continue
		}
		if parts[a.name] == nil {
			first = append(first, a)
		}
		parts[a.name] = append(parts[a.name], combinedHistogram{a.step, content})
	}
	list := make([]*asset, len(first))
	for i, a := range first {
		doc, err := json.Marshal(map[string]any{"histograms": parts[a.name]})
		if err != nil {
			panic("comettest: histograms: " + err.Error()) // they were valid
		}
		list[i] = &asset{
			id: derive.ID(typeCombined, e.key, a.name), experimentKey: e.key, name: a.name,
			typ: typeCombined, created: a.created, body: blob.FromBytes(doc),
		}
	}
	return list
}

// maxHistogram bounds the histograms that are combined.
const maxHistogram = 4 << 20

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9\-+]+`)

// fullMetric are the files of one metric, made from so many points.
type fullMetric struct {
	points int
	millis bool
	files  []*asset
}

// fullMetricFiles are the zipped CSV files of the metrics that the server
// down-samples, in parts. The lock of e is held.
func (e *experiment) fullMetricFiles(m *mood.Moods) []*asset {
	var list []*asset
	for _, name := range e.names {
		s := e.metrics[name]
		if m.MetricCap <= 0 || s.Len() <= m.MetricCap {
			continue
		}
		full := e.derived.full[name]
		if full.points != s.Len() || full.millis != m.FullMetricMillis {
			full = fullMetric{s.Len(), m.FullMetricMillis, e.makeFullMetric(s, m.FullMetricMillis)}
			if e.derived.full == nil {
				e.derived.full = make(map[string]fullMetric)
			}
			e.derived.full[name] = full
		}
		list = append(list, full.files...)
	}
	return list
}

func (e *experiment) makeFullMetric(s *metric.Series, millis bool) []*asset {
	var files []*asset
	for n, part := range s.CSV(millis) {
		csv := fmt.Sprintf("%s_%d.csv", unsafeName.ReplaceAllString(s.Name, "_"), n)
		files = append(files, &asset{
			id: derive.ID(typeFullMetric, e.key, s.Name, strconv.Itoa(n)), experimentKey: e.key,
			name: csv + ".zip", typ: typeFullMetric, created: e.start, body: blob.FromBytes(blob.Zip(csv, part)),
		})
	}
	return files
}
