package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"golang.org/x/time/rate"
)

// cloudQuota keeps to what Comet documents for its own instances: 15,000 requests an
// hour for each key, of which reads are said to be some. Any hour has the burst and
// what the rate brings in it, at most.
var cloudQuota = comet.Rate{PerSecond: perHour(12000), Burst: 3000, RESTOnly: true}

func perHour(n float64) rate.Limit { return rate.Limit(n / 3600) }

// isCloud reports whether an address is of an instance that Comet runs for all.
func isCloud(u *url.URL) bool {
	host := "." + strings.ToLower(u.Hostname())
	return strings.HasSuffix(host, ".comet.com") || strings.HasSuffix(host, ".comet.ml")
}

// rateFor returns the rate of requests to an address: what the user says, and for the
// cloud, where nothing is said, its quota.
func (f *serverFlags) rateFor(u *url.URL) comet.Rate {
	if f.rate == 0 && isCloud(u) {
		return cloudQuota
	}
	return comet.Rate{PerSecond: f.rate}
}

// paceFile returns where the processes of this user on this machine share what they
// learn of a server that answers 429, "" if there is no place. Its name does not tell
// the key.
func paceFile(e *config.Endpoint) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	machine, _ := os.Hostname() // a home may be that of many machines; 1 is the form of the file
	sum := sha256.Sum256([]byte(strings.Join([]string{"1", machine, hostOf(e.URL), string(e.APIKey)}, "\n")))
	return filepath.Join(dir, "comet-stream", "pace-"+hex.EncodeToString(sum[:12]))
}

// hostOf returns the host and port of an address, of which there are several spellings.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	port = strings.NewReplacer("https", "443", "http", "80").Replace(port)
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// pace says how long so many requests take.
func (s *server) pace(requests int64) string {
	limit, which := s.rate, "the limit of --rate"
	switch {
	case limit == cloudQuota:
		which = "the default for comet.com"
	case limit.PerSecond == 0 || limit.PerSecond == rate.Inf:
		limit, which = comet.Rate{PerSecond: perHour(15000)}, "the quota of comet.com"
	}
	seconds := max(0, float64(requests)-float64(limit.Burst)) / float64(limit.PerSecond)
	return fmt.Sprintf("%s at %.0f/h, %s", inWords(seconds), float64(limit.PerSecond)*3600, which)
}

// inWords returns a length of time for people to read: 40s, 12m, 2h15m.
func inWords(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// rateUnits are the seconds in the time unit of a rate.
var rateUnits = map[string]float64{"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600}

// parseRate reads a rate such as 4/s, 200/m or 15000/h, and returns it per
// second. "none" and "0" are [rate.Inf].
func parseRate(s string) (rate.Limit, error) {
	if s == "none" || s == "0" {
		return rate.Inf, nil
	}
	number, unit, _ := strings.Cut(s, "/")
	seconds, ok := rateUnits[unit]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n > 0) || math.IsInf(n, 0) {
		return 0, errors.New("want a rate such as 4/s or 15000/h, or none")
	}
	return rate.Limit(n / seconds), nil
}
