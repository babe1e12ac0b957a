package cli

import (
	"math"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64 // -1 for an error
	}{
		{"0", 0}, {"4096", 4096}, {"12B", 12}, {"500MB", 500_000_000}, {"5GiB", 5 << 30},
		{"5 GiB", 5 << 30}, {"1.5k", 1536}, {"2K", 2048}, {"2kb", 2000}, {"1T", 1 << 40},
		{"9223372036854775807", math.MaxInt64}, {"9007199254740993", 9007199254740993},
		{"9223372036854775808", -1}, {"9E", -1}, {"8388608TiB", -1},
		{"", -1}, {"GiB", -1}, {"-1", -1}, {"1e3", -1}, {"1..2", -1}, {"5 5GB", -1}, {"NaN", -1}, {"0x10", -1},
	} {
		got, err := parseSize(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2024, 5, 31, 12, 0, 0, 0, zone)
	for _, tt := range []struct{ in, want string }{ // want "" for an error
		{"2024-05-01", "2024-04-30T22:00:00Z"},
		{"2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"},
		{"2024-05-01T10:00:00.5+01:00", "2024-05-01T09:00:00.5Z"},
		{"2024-05-01T10:00:00", "2024-05-01T08:00:00Z"},
		{"2024-05-01 10:00:00", "2024-05-01T08:00:00Z"},
		{"1714557600123", "2024-05-01T10:00:00.123Z"},
		{"30d", "2024-05-01T10:00:00Z"},
		{"30d ago", "2024-05-01T10:00:00Z"},
		{"2w", "2024-05-17T10:00:00Z"},
		{"0.5d", "2024-05-30T22:00:00Z"},
		{"1h30m", "2024-05-31T08:30:00Z"},
		{"2d12h", "2024-05-28T22:00:00Z"},
		{"1w2d3h30m ago", "2024-05-22T06:30:00Z"},
		{"1714557600", ""}, {"", ""}, {"yesterday", ""}, {"-3d", ""}, {"-3h", ""}, {"2024-13-01", ""},
		{"NaNd", ""}, {"1e300d", ""}, {"ago", ""}, {"12h2d", ""}, {"2d1w", ""}, {"2d-1h", ""}, {"d", ""}, {"106751d24h", ""},
	} {
		got, err := parseTime(tt.in, now)
		switch {
		case err != nil && tt.want != "":
			t.Errorf("parseTime(%q): %v; want %s", tt.in, err, tt.want)
		case err == nil && got.UTC().Format(time.RFC3339Nano) != tt.want:
			t.Errorf("parseTime(%q) = %s; want %q", tt.in, got.UTC().Format(time.RFC3339Nano), tt.want)
		}
	}
}
