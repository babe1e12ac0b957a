package session

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// Expect keeps a check for the verification, if there is to be one. It reports
// whether that is all there is to do.
func (s *Experiment) Expect(check reconcile.Check) bool {
	if s.Verifies {
		s.checks = append(s.checks, check)
	}
	return s.Mode == reconcile.VerifyOnly
}

// Put writes an item concurrently with the others, and keeps its check.
func Put[T any](ctx context.Context, s *Experiment, i *reconcile.Item[T]) {
	if !s.Expect(i.Check) {
		s.Spawn(func() { s.Item(i.Issue, reconcile.Put(ctx, s.Subject(), i)) })
	}
}

// ReadBack runs the checks, in the order in which they were kept, and tells what
// they find.
func (s *Experiment) ReadBack(ctx context.Context) error {
	for _, check := range s.checks {
		found, err := check(ctx)
		if err == nil && len(found) > 0 && !s.Dry() {
			// What was just written may not show yet, so that a finding counts
			// when it is found again.
			if err = s.WaitSettled(ctx); err == nil {
				found, err = check(ctx)
			}
		}
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		for _, i := range found {
			i.Class = report.Unverified
			s.Issue(i)
		}
	}
	s.SetVerified()
	return nil
}
