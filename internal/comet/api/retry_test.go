package api

import (
	"testing"
	"time"
)

// Waits grow exponentially, with jitter over their whole length.
func TestRetryBackoff(t *testing.T) {
	for _, tc := range []struct {
		failures int
		most     time.Duration
	}{{1, time.Second / 2}, {2, time.Second}, {3, 2 * time.Second}, {6, 16 * time.Second}, {7, 30 * time.Second}, {500, 30 * time.Second}} {
		var low, high time.Duration = time.Hour, 0
		for range 2000 {
			d := backoff(tc.failures, time.Second/2, 30*time.Second)
			low, high = min(low, d), max(high, d)
		}
		if low > tc.most/50 || high < tc.most*49/50 || high > tc.most {
			t.Errorf("after %d failures: from %v to %v, want from 0 to %v", tc.failures, low, high, tc.most)
		}
	}
}
