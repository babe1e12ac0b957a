package store

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
	combined []*Asset
	changes  int // of assets, when combined was made
	full     map[string]fullMetric
}

// CombinedHistograms are the aggregates of e's histogram3d assets, one for
// each name of which a client has not put one there.
func (e *Experiment) CombinedHistograms() []*Asset {
	if e.PerType[TypeHistogram] == 0 {
		return nil
	}
	if e.derived.changes != e.changes {
		e.derived.combined, e.derived.changes = e.combine(), e.changes
	}
	return e.derived.combined
}

// byStep orders assets without a step first, and those of one step by id, so
// that what is made of them does not depend on the order of their uploads.
func byStep(a, b *Asset) int {
	switch {
	case (a.Step == nil) != (b.Step == nil):
		if a.Step == nil {
			return -1
		}
		return 1
	case a.Step != nil && *a.Step != *b.Step:
		return cmp.Compare(*a.Step, *b.Step)
	}
	return cmp.Compare(a.ID, b.ID)
}

func (e *Experiment) combine() []*Asset {
	var firsts []*Asset // of each name
	parts := make(map[string][]combinedHistogram)
	given := make(map[string]bool)
	for _, a := range e.Assets {
		given[a.Name] = given[a.Name] || a.Type == TypeCombined
	}
	for _, a := range slices.SortedFunc(slices.Values(e.Assets), byStep) {
		if a.Type != TypeHistogram || a.Remote || given[a.Name] {
			continue
		}
		content, err := a.Body.Bytes(maxHistogram)
		if err != nil || !json.Valid(content) {
			continue
		}
		if parts[a.Name] == nil {
			firsts = append(firsts, a)
		}
		parts[a.Name] = append(parts[a.Name], combinedHistogram{a.Step, content})
	}
	list := make([]*Asset, len(firsts))
	for i, a := range firsts {
		doc, err := json.Marshal(map[string]any{"histograms": parts[a.Name]})
		if err != nil {
			panic("comettest: histograms: " + err.Error()) // they were valid
		}
		list[i] = &Asset{
			ID: derive.ID(TypeCombined, e.Key, a.Name), ExperimentKey: e.Key, Name: a.Name,
			Type: TypeCombined, Created: a.Created, Body: blob.FromBytes(doc),
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
	files  []*Asset
}

// FullMetricFiles are the zipped CSV files of the metrics that the server
// down-samples, in parts.
func (e *Experiment) FullMetricFiles(m *mood.Moods) []*Asset {
	var list []*Asset
	for _, name := range e.MetricNames {
		s := e.Metrics[name]
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

func (e *Experiment) makeFullMetric(s *metric.Series, millis bool) []*Asset {
	var files []*Asset
	for n, part := range s.CSV(millis) {
		csv := fmt.Sprintf("%s_%d.csv", unsafeName.ReplaceAllString(s.Name, "_"), n)
		files = append(files, &Asset{
			ID: derive.ID(TypeFullMetric, e.Key, s.Name, strconv.Itoa(n)), ExperimentKey: e.Key,
			Name: csv + ".zip", Type: TypeFullMetric, Created: e.Start, Body: blob.FromBytes(blob.Zip(csv, part)),
		})
	}
	return files
}
