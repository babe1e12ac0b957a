package report

import "testing"

// Each line of a report has a result.
func TestSettle(t *testing.T) {
	issue := func(class IssueClass) *Outcome {
		var l Ledger
		l.Issue(Issue{Class: class, Kind: "view", Reason: "because"})
		return &l.Out
	}
	for name, tt := range map[string]struct {
		o    *Outcome
		want Result
	}{
		"it has one":            {&Outcome{Result: ResultElsewhere, Error: "x"}, ResultElsewhere},
		"nothing to do":         {&Outcome{}, ResultAlreadyThere},
		"written":               {&Outcome{Written: Written{Items: []string{"view"}}}, ResultCompleted},
		"an error":              {&Outcome{Error: "PUT x: 500", Written: Written{Items: []string{"view"}}}, ResultFailed},
		"missing":               {issue(Missing), ResultFailed},
		"not in the stream":     {issue(Skipped), ResultSkipped},
		"only something to say": {issue(Noted), ResultAlreadyThere},
	} {
		var s Summary
		s.Add(tt.o)
		if tt.o.Result != tt.want {
			t.Errorf("%s: result %q, want %q", name, tt.o.Result, tt.want)
		}
	}
	var s Summary
	s.Add(&Outcome{Kind: KindExperiment, Result: ResultAlreadyThere, Verified: true})
	s.Add(&Outcome{Kind: KindExperiment, Result: ResultAlreadyThere})
	if s.Read != 2 || s.Verified != 1 || s.AlreadyThere != 2 {
		t.Errorf("sum %+v", s)
	}
}
