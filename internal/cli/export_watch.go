package cli

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/exporter"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// exportWatch passes on what the exporter tells.
type exportWatch struct {
	counters *progress.Counters
	reporter *progress.Reporter
	report   *reportFile // nil if none is wanted
	page     func(workspace, project, key string, archived bool) string
}

func (w *exportWatch) Warn(text string) { w.reporter.Warn("%s", text) }

func (w *exportWatch) Skipped(in string, s *stream.Skipped) {
	w.counters.Skipped.Add(1)
	if in != "" {
		in += ": "
	}
	w.reporter.Warn("%s%s: skipped: %s", in, skippedName(s), s.Reason)
}

func (w *exportWatch) Experiment(r *exporter.Result) {
	switch r.Result {
	case exporter.ResultNotFound, exporter.ResultGone: // never planned
	case exporter.ResultLinked:
		w.counters.Planned.Add(-1) // it counts where it belongs
	default:
		w.counters.Experiments.Add(1)
	}
	r.Kind = report.KindExperiment
	if r.Workspace != "" && r.Result != exporter.ResultGone {
		r.SourceURL = w.page(r.Workspace, r.Project, r.Key, r.Archived)
	}
	w.report.add(r)
}

// end writes the last line of the report.
func (w *exportWatch) end(sum *exporter.Summary) error {
	w.report.add(struct {
		Kind string `json:"kind"`
		*exporter.Summary
	}{report.KindTotal, sum})
	return w.report.close()
}

// skippedName names a skipped item as messages do.
func skippedName(s *stream.Skipped) string {
	var parts []string
	if s.Project != "" {
		parts = append(parts, fmt.Sprintf("project %q", s.Workspace+"/"+s.Project))
	}
	whole := s.Of == stream.KindExperiment && s.Project != "" // not an item of one, as its tags
	switch {
	case s.Experiment != nil && whole && s.Name != nil:
		parts = append(parts, fmt.Sprintf("experiment %q (%q)", *s.Experiment, *s.Name))
	case s.Experiment != nil:
		parts = append(parts, fmt.Sprintf("experiment %q", *s.Experiment))
	}
	switch {
	case whole, s.Of == stream.KindExperiment && s.Name == nil, s.Of == stream.KindProject:
	case s.Of == stream.KindExperiment:
		parts = append(parts, *s.Name)
	case s.Name != nil:
		parts = append(parts, fmt.Sprintf("%s %q", s.Of, *s.Name))
	case s.ID != nil:
		parts = append(parts, fmt.Sprintf("%s %q", s.Of, *s.ID))
	default:
		parts = append(parts, string(s.Of))
	}
	return strings.Join(parts, ": ")
}

var _ exporter.Observer = (*exportWatch)(nil)
