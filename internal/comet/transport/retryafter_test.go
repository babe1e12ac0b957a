package transport

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// synctest begins at 2000-01-01 00:00 UTC.
func TestRetryAfterHeaders(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, 0},
		{[]string{"Retry-After", "7"}, 7 * time.Second},
		{[]string{"Retry-After", "0.5"}, time.Second / 2},
		{[]string{"Retry-After", "-3"}, 0},
		{[]string{"Retry-After", "Sat, 01 Jan 2000 00:01:00 GMT"}, time.Minute},
		{[]string{"Retry-After", "7", "Retry-After-Custom", "9"}, 9 * time.Second},
		{[]string{"Retry-After", "7", "X-RateLimit-Reset", "60"}, 7 * time.Second},
		{[]string{"RateLimit-Reset", "12"}, 12 * time.Second},
		{[]string{"X-RateLimit-Reset", "12"}, 12 * time.Second},
		{[]string{"X-RateLimit-Reset", "1796000030", "Date", "Mon, 30 Nov 2026 00:53:20 GMT"}, 30 * time.Second},
		{[]string{"X-RateLimit-Reset", "1796000030000", "Date", "Mon, 30 Nov 2026 00:53:20 GMT"}, 30 * time.Second},
		{[]string{"X-RateLimit-Reset", "1795999990", "Date", "Mon, 30 Nov 2026 00:53:20 GMT"}, 0},
		{[]string{"RateLimit", "limit=10, remaining=0, reset=5"}, 5 * time.Second},
		{[]string{"RateLimit", `"default";r=0;t=8, "hour";r=3;t=40`}, 40 * time.Second},
		{[]string{"RateLimit", `"default";r=0`}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i < len(tt.headers); i += 2 {
				h.Set(tt.headers[i], tt.headers[i+1])
			}
			if got := RetryAfter(h); got != tt.want {
				t.Errorf("%q: %v, want %v", tt.headers, got, tt.want)
			}
		})
	}
}
