package cli

import (
	"net/url"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
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

// The file that processes share is one for each server and key, and its name does not
// tell the key.
func TestPaceFile(t *testing.T) {
	isolate(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	names := map[string]bool{}
	for _, address := range []string{"https://www.comet.com/clientlib/", "https://comet.example.com/"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []config.APIKey{testKey, "another"} {
			name := paceFile(&config.Endpoint{URL: u, APIKey: key})
			if again := paceFile(&config.Endpoint{URL: u, APIKey: key}); again != name {
				t.Errorf("%q and %q", name, again)
			}
			if strings.Contains(name, string(key)) {
				t.Errorf("%q tells the key", name)
			}
			names[name] = true
		}
	}
	if len(names) != 4 {
		t.Errorf("%d files, want 4: %v", len(names), names)
	}
	one := ""
	for _, address := range []string{"https://c.example/", "https://C.example:443/clientlib", "https://c.example./"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if name := paceFile(&config.Endpoint{URL: u, APIKey: testKey}); one != "" && name != one {
			t.Errorf("%s has a file of its own", address)
		} else {
			one = name
		}
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if name := paceFile(&config.Endpoint{URL: new(url.URL)}); name != "" {
		t.Errorf("without a place there is %q", name)
	}
}
