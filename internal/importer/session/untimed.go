package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// untimed are the values of an experiment that have no time in the stream. At a
// destination each has one, so that it is another value there than at the source,
// which is reported once for each kind. Only the reading uses it.
type untimed map[stream.Kind]*untimedValues

type untimedValues struct {
	n    int64
	some []string // names of the first of them
}

// someNames is how many names a report about several values lists.
const someNames = 20

// Note counts a value that has no time.
func (u *untimed) Note(kind stream.Kind, name string) {
	if *u == nil {
		*u = make(untimed)
	}
	v := (*u)[kind]
	if v == nil {
		v = new(untimedValues)
		(*u)[kind] = v
	}
	v.n++
	if len(v.some) < someNames && !slices.Contains(v.some, name) {
		v.some = append(v.some, name[:min(len(name), 200)])
	}
}

// ReportUntimed reports the values that have no time in the stream.
func (s *Experiment) ReportUntimed() {
	for _, kind := range slices.Sorted(maps.Keys(s.Untimed)) {
		v, what := s.Untimed[kind], "value"
		if kind == stream.KindMetrics {
			what = "point"
		}
		i := report.Issue{Class: s.Class(report.Differs), Kind: string(kind), Reason: fmt.Sprintf(
			"%s without a time, which got the time of the experiment: %q", progress.Count(v.n, what), v.some)}
		if len(v.some) == 1 {
			i.Name = v.some[0]
		}
		s.Issue(i)
	}
}
