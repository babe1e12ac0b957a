package reconcile

import (
	"errors"
	"fmt"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/report"
)

// Of many failures a bounded number is kept, and among them one of each kind.
func TestFailuresBounded(t *testing.T) {
	d := &Destination{Fail: func(error) {}, Outcome: func(*report.Outcome) {}}
	full := func(i int) error {
		return fmt.Errorf("experiment %d: %w", i, &comet.Error{Status: 400, Msg: "the project is full"})
	}
	const n = 5000
	for i := range n {
		d.Finished(&report.Outcome{}, full(i))
	}
	gateway := &comet.Error{Status: 502}
	d.Finished(&report.Outcome{}, gateway)
	d.Finished(&report.Outcome{}, full(n))
	kept, more := d.Failures()
	if len(kept) != keptFailures+1 || more != n+2-int64(len(kept)) || !errors.Is(kept[keptFailures], gateway) {
		t.Errorf("%d failures are kept and %d counted, the last: %v", len(kept), more, kept[len(kept)-1])
	}
}
