package api

import (
	"testing"

	"golang.org/x/time/rate"
)

func TestDefaultWriteRate(t *testing.T) {
	for host, want := range map[string]rate.Limit{
		"www.comet.com": 4, "comet.com:443": 4, "WWW.COMET.COM": 4, "www.comet.ml": 4,
		"comet.example.com": rate.Inf, "notcomet.com": rate.Inf, "[::1]:8080": rate.Inf, "127.0.0.1:80": rate.Inf,
	} {
		if got := defaultWriteRate(host); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}
