package cli

import (
	"net/url"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"golang.org/x/time/rate"
)

func TestParseRate(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want rate.Limit // -1 for an error
	}{
		{"4/s", 4}, {"0.5/s", 0.5}, {"15000/h", 15000.0 / 3600}, {"90/min", 1.5}, {"none", rate.Inf}, {"0", rate.Inf},
		{"", -1}, {"4", -1}, {"/s", -1}, {"0/s", -1}, {"-1/s", -1}, {"4/d", -1}, {"Inf/s", -1}, {"NaN/s", -1},
	} {
		got, err := parseRate(tt.in)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("parseRate(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
	}
}

// Without --rate, Comet's own instances have a rate, and no others.
func TestDefaultRate(t *testing.T) {
	for address, cloud := range map[string]bool{
		"https://www.comet.com/clientlib/": true, "https://comet.com:443/": true, "https://WWW.COMET.COM/": true, "https://www.comet.ml/": true,
		"https://comet.example.com/": false, "https://notcomet.com/": false, "http://[::1]:8080/": false, "http://127.0.0.1/comet.com": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for given, want := range map[rate.Limit]comet.Rate{0: {}, rate.Inf: {PerSecond: rate.Inf}, 2: {PerSecond: 2}} {
			if cloud && given == 0 {
				want = cloudQuota
			}
			f := serverFlags{rate: given}
			if got := f.rateFor(u); got != want {
				t.Errorf("%s, --rate %v: %+v, want %+v", address, given, got, want)
			}
		}
	}
	if hour := cloudQuota.PerSecond*3600 + rate.Limit(cloudQuota.Burst); hour > 15000 {
		t.Errorf("%v requests in an hour, want 15000 at most", hour)
	}
}

// How long requests take is said by the rate in force.
func TestRatePace(t *testing.T) {
	for want, limit := range map[string]comet.Rate{
		"2h0m at 15000/h, the quota of comet.com":     {},
		"2h15m at 12000/h, the default for comet.com": cloudQuota,
		"8h20m at 3600/h, the limit of --rate":        {PerSecond: 1},
	} {
		if got := (&server{rate: limit}).pace(30000); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, want := (&server{rate: cloudQuota}).pace(3000), "0s at 12000/h, the default for comet.com"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
