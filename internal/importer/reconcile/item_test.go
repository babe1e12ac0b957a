package reconcile

import (
	"context"
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/report"
)

// TestPut writes what the mode, the policy and the comparison say, and nothing else.
// The item has two values: what is lacking is free, what is another is not, and what
// is fixed no request can write.
func TestPut(t *testing.T) {
	const lacking, other, fixed = "lacking", "other", "fixed"
	type outcome struct {
		writes []string // values; nil for no request
		told   []string // class and value
		count  int
	}
	for name, tt := range map[string]struct {
		mode      Mode
		new, wins bool
		again     bool
		differs   []string
		want      outcome
	}{
		"same":                 {want: outcome{}},
		"lacking":              {differs: []string{lacking}, want: outcome{writes: []string{lacking}, count: 1}},
		"other":                {differs: []string{other}, want: outcome{told: []string{"differs other"}}},
		"both":                 {differs: []string{lacking, other}, want: outcome{[]string{lacking}, []string{"differs other"}, 1}},
		"the stream wins":      {wins: true, differs: []string{lacking, other}, want: outcome{writes: []string{lacking, other}, count: 1}},
		"fixed":                {wins: true, differs: []string{fixed}, want: outcome{told: []string{"differs fixed"}}},
		"again":                {again: true, want: outcome{writes: []string{}, count: 1}},
		"again beside another": {again: true, differs: []string{other}, want: outcome{[]string{}, []string{"differs other"}, 1}},
		"new":                  {new: true, differs: []string{lacking, other}, want: outcome{writes: []string{lacking, other}, count: 1}},
		"new, the same":        {new: true, want: outcome{writes: []string{}, count: 1}},
		"dry run":              {mode: DryRun, differs: []string{lacking, other}, want: outcome{told: []string{"differs other"}, count: 1}},
		"verify only":          {mode: VerifyOnly, wins: true, differs: []string{lacking, other}, want: outcome{told: []string{"unverified lacking", "unverified other"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got outcome
			reopened := false
			ledger := new(report.Ledger)
			s := &Subject{
				Destination: &Destination{Client: new(comet.Client), Mode: tt.mode}, Ledger: ledger, New: tt.new, StreamWins: tt.wins,
				Reopen: func(context.Context) error { reopened = true; return nil },
				Count:  func(string) { got.count++ },
			}
			err := Put(t.Context(), s, &Item[[]string]{
				Issue: report.Issue{Kind: "thing"},
				Read:  func(context.Context) ([]string, error) { return tt.differs, nil },
				Compare: func([]string) (differ []Difference) {
					for _, name := range tt.differs {
						differ = append(differ, Difference{Issue: report.Issue{Kind: "thing", Name: name}, Free: name == lacking, Fixed: name == fixed})
					}
					return differ
				},
				Always: tt.again,
				Write: func(_ context.Context, f Found[[]string]) error {
					if !reopened {
						t.Error("written before it is marked")
					}
					got.writes = []string{}
					for _, d := range f.Values {
						got.writes = append(got.writes, d.Name)
					}
					return nil
				},
			})
			for _, i := range ledger.Out.Issues {
				got.told = append(got.told, string(i.Class)+" "+i.Name)
			}
			if err != nil || !slices.Equal(got.writes, tt.want.writes) || (got.writes == nil) != (tt.want.writes == nil) ||
				!slices.Equal(got.told, tt.want.told) || got.count != tt.want.count {
				t.Errorf("%v, got %+v, want %+v", err, got, tt.want)
			}
		})
	}
}

// TestPutLost reads back what may have been written by the comparison that said that it
// was to be, and repeats it only where a second time does no harm.
func TestPutLost(t *testing.T) {
	for name, tt := range map[string]struct {
		done, once bool
		writes     int
		fails      bool
	}{
		"arrived":                {done: true, writes: 1},
		"not arrived":            {writes: 1, fails: true}, // the client has repeated it
		"arrived, once":          {done: true, once: true, writes: 1},
		"not arrived, then once": {once: true, writes: maxUncertain, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			have, writes := "", 0
			s := &Subject{Destination: &Destination{Client: new(comet.Client)}, Ledger: new(report.Ledger)}
			err := Put(t.Context(), s, &Item[string]{
				Issue: report.Issue{Kind: "thing"}, Once: tt.once,
				Read: func(context.Context) (string, error) { return have, nil },
				Compare: func(have string) []Difference {
					if have == "x" {
						return nil
					}
					return Differs(report.Issue{Kind: "thing"}, have == "", "another one")
				},
				Write: func(context.Context, Found[string]) error {
					if writes++; tt.done {
						have = "x"
					}
					return comet.ErrUncertain
				},
			})
			if (err != nil) != tt.fails || writes != tt.writes {
				t.Errorf("%v after %d writes, want %d", err, writes, tt.writes)
			}
		})
	}
}
