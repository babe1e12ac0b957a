// Package thin judges what a server shows of a series of points by the points
// that were, or were to be, written to it: whether those that it does not show
// have not come, or are there and hidden.
//
// A server may thin a long series out when it is read, keep one point of several
// of a step, or lack what an import that was killed has not written. Looked at
// in the order of writing these differ: what is thinned out is missing all over
// the series, point by point, and what was not written is missing in stretches,
// since it is written in requests of many points.
package thin

// A State is what a server shows of a point.
type State int

// The states of a point.
const (
	Shown State = iota
	Missing
	// Copy is a point that is missing, and an equal one is shown: it says
	// nothing of how the others were lost.
	Copy
)

// minRun is how many points in a row make a stretch. A series that is thinned
// out evenly has no two runs of shown and of missing points that are both so
// long.
const minRun = 10

// A Series is what a server shows of a series of points. Its zero value is an
// empty one.
type Series struct {
	Sample
	Shown, Missing, Copies int64

	run     State // of the points that came last
	length  int64 // of them
	runs    int64
	holes   int64 // runs of missing points
	first   State // of the first run
	short   bool  // a run between two others is no stretch
	longest [2]int64
}

// Add takes the next point, in the order of writing.
func (s *Series) Add(p Point, is State) {
	switch is {
	case Copy:
		s.Copies++
		return
	case Shown:
		s.Shown++
	default:
		s.Missing++
	}
	s.Sample.add(p, is == Shown)
	if s.runs == 0 || is != s.run {
		s.end()
		if s.runs == 0 {
			s.first = is
		}
		s.run, s.length = is, 0
		s.runs++
		if is == Missing {
			s.holes++
		}
	}
	s.length++
	s.longest[is] = max(s.longest[is], s.length)
}

// end ends a run that another follows.
func (s *Series) end() {
	if s.runs > 1 && s.length < minRun {
		s.short = true
	}
}

// Tail reports whether all that is missing is the end of the series.
func (s *Series) Tail() bool { return s.holes == 1 && s.run == Missing }

// Stretches reports whether all that is missing, and all that is shown between,
// are stretches after the beginning of the series, as where whole requests are
// missing.
func (s *Series) Stretches() bool { return s.holes > 0 && !s.short && s.first == Shown }

// LongestShown returns the length of the longest run of points that are shown.
func (s *Series) LongestShown() int64 { return s.longest[Shown] }
