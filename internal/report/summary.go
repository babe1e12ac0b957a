package report

import "github.com/comet-stream/comet-stream/stream"

// Summary is what became of all experiments. Read is the sum of the five
// numbers after it.
type Summary struct {
	Read         int64 `json:"read"`
	Created      int64 `json:"created"`
	Completed    int64 `json:"completed"`
	AlreadyThere int64 `json:"already_there"`
	Elsewhere    int64 `json:"elsewhere"`
	Failed       int64 `json:"failed"`

	Projects        int64 `json:"projects"`         // read
	ProjectsCreated int64 `json:"projects_created"` // of them

	Missing    int64 `json:"missing"`    // items
	Differing  int64 `json:"differing"`  // items, those of projects included
	Unverified int64 `json:"unverified"` // findings of a verification
	Verified   int64 `json:"verified"`   // experiments that were read back and found equal
	Skipped    int64 `json:"skipped"`    // in the stream

	Points     int64 `json:"points"` // written
	Assets     int64 `json:"assets"`
	AssetBytes int64 `json:"asset_bytes"`

	// Unknown counts the records of kinds that this version does not know.
	Unknown map[string]int64 `json:"unknown,omitempty"`
	// Other counts what was written of projects and workspaces.
	Other map[string]int64 `json:"other,omitempty"`
}

// Wrote reports whether anything was written.
func (s *Summary) Wrote() bool {
	return s.Created+s.Completed+s.ProjectsCreated > 0 || len(s.Other) > 0
}

// Add takes one outcome in, and settles it.
func (s *Summary) Add(o *Outcome) {
	o.Settle()
	if o.Kind == KindExperiment {
		s.addExperiment(o)
	}
	s.Missing += int64(o.missing)
	s.Differing += int64(o.differing)
	s.Unverified += int64(o.unverified)
	s.Skipped += int64(o.skipped)
	s.Points += o.Written.Points
	s.Assets += o.Written.Assets
	s.AssetBytes += o.Written.AssetBytes
}

// Kinds of lines: of an experiment, and of the sum of all.
const (
	KindExperiment = string(stream.KindExperiment)
	KindTotal      = "total"
)

func (s *Summary) addExperiment(o *Outcome) {
	s.Read++
	if o.Verified {
		s.Verified++
	}
	switch o.Result {
	case ResultCreated:
		s.Created++
	case ResultCompleted:
		s.Completed++
	case ResultAlreadyThere:
		s.AlreadyThere++
	case ResultElsewhere:
		s.Elsewhere++
	default:
		s.Failed++
	}
}
