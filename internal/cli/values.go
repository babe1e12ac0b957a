package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are the factors of a size: powers of 1000 as in GB, powers of 1024
// as in GiB. A letter alone is a power of 1024, as with head -c.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1e3, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1e6, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1e9, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1e12, "tib": 1 << 40,
}

// parseSize reads a number of bytes such as 500MB, 5GiB, 1.5g or 4096.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	factor, ok := sizeUnits[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return 0, errors.New("want a size such as 500MB, 5GiB or 4096")
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && factor == 1 {
		return n, nil
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, errors.New("want a size such as 500MB, 5GiB or 4096")
	}
	n *= factor
	if n >= math.MaxInt64 {
		return 0, errors.New("the size is too large")
	}
	return int64(n), nil
}

// dayUnits are the units of a span of time besides those of time.ParseDuration,
// the longest first.
var dayUnits = []struct {
	name   string
	length time.Duration
}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}}

// firstEpochMillis is the least integer taken for milliseconds since the epoch
// (March 1973). A smaller one is likely to be meant as seconds.
const firstEpochMillis = 100_000_000_000

// parseTime reads a point in time: RFC 3339, a date (its first instant in the
// time zone of now), milliseconds since the epoch, or a span back from now such
// as 30d, 2d12h or "36h ago".
func parseTime(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		if ms < firstEpochMillis {
			return time.Time{}, errors.New("a time as a number is in milliseconds since the epoch")
		}
		return time.UnixMilli(ms), nil
	}
	span, err := parseSpan(strings.TrimSpace(strings.TrimSuffix(s, "ago")))
	if err != nil {
		return time.Time{}, errors.New("want a date (2024-05-01), a date and time (2024-05-01T12:00:00Z), a span back from now (2w, 30d, 2d12h, 90m) or milliseconds since the epoch")
	}
	return now.Add(-span), nil
}

// parseSpan reads a length of time: weeks, days and what time.ParseDuration
// takes, one after the other.
func parseSpan(s string) (time.Duration, error) {
	total, rest := 0.0, s
	for _, unit := range dayUnits {
		number, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n >= 0) {
			return 0, errNoSpan
		}
		total, rest = total+n*float64(unit.length), after
	}
	if rest == s || rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, errNoSpan
		}
		total += float64(d)
	}
	if total >= math.MaxInt64 {
		return 0, errNoSpan
	}
	return time.Duration(total), nil
}

var errNoSpan = errors.New("want a length of time such as 90s, 15m or 2h")

// parsePercent reads a share such as 5% or 0.5%.
func parsePercent(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n >= 0 && n <= 100) {
		return 0, errors.New("want a share such as 5%")
	}
	return n, nil
}
