package transport

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// RetryAfter returns how long an answer asks to wait, 0 if it does not say: the
// longer of Retry-After and Retry-After-Custom, in seconds or as a date, of which
// the official client reads the second alone; without them the time until a rate
// limit begins again, in the forms that are in use.
func RetryAfter(h http.Header) time.Duration {
	if wait := max(waitIn(h, "Retry-After"), waitIn(h, "Retry-After-Custom")); wait > 0 {
		return wait
	}
	wait := limitReset(h.Get("RateLimit"))
	for _, name := range []string{"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		wait = max(wait, resetIn(h, name))
	}
	return wait
}

// waitIn returns the wait that a header says in seconds or as a date.
func waitIn(h http.Header, name string) time.Duration {
	v := h.Get(name)
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(serverTime(h)))
	}
	return 0
}

// epoch is more seconds than a limit needs to begin again: a larger number is a
// time.
const epoch = 1e9

// resetIn returns the wait that a header says in seconds, as a date, or as seconds
// or milliseconds since 1970.
func resetIn(h http.Header, name string) time.Duration {
	s, err := strconv.ParseFloat(h.Get(name), 64)
	switch {
	case err != nil || s < epoch:
		return waitIn(h, name)
	case s >= 1000*epoch:
		s /= 1000
	}
	return max(0, seconds(s)-time.Duration(serverTime(h).UnixNano()))
}

// resetParameter finds the time in a RateLimit header, of the drafts up to the
// seventh (limit=10, remaining=0, reset=5) and after it ("default";r=0;t=5).
var resetParameter = regexp.MustCompile(`(?:^|[,;\s])(?:reset|t)=(\d+)`)

func limitReset(v string) (wait time.Duration) {
	for _, m := range resetParameter.FindAllStringSubmatch(v, -1) {
		if s, err := strconv.ParseFloat(m[1], 64); err == nil {
			wait = max(wait, seconds(s))
		}
	}
	return wait
}

// serverTime returns the time of the server's clock, which its dates were made with.
func serverTime(h http.Header) time.Time {
	if d, err := http.ParseTime(h.Get("Date")); err == nil {
		return d
	}
	return time.Now()
}

// longestWait is what is made of longer waits, which no one sits out.
const longestWait = 100 * 365 * 24 * time.Hour

func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), longestWait.Seconds()) * float64(time.Second))
}
