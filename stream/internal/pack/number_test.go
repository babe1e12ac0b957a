package pack

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// What shortDecimal takes is what strconv reads and encoding/json prints; what
// looks almost like it, it leaves.
func TestShortDecimal(t *testing.T) {
	taken := 0
	try := func(s string) {
		got, ok := shortDecimal(s)
		if !ok {
			return
		}
		taken++
		want, err := strconv.ParseFloat(s, 64)
		if text := string(AppendJSONFloat(nil, want)); err != nil || got != want || text != s {
			t.Fatalf("shortDecimal(%q) = %v, want %v, which prints as %s (%v)", s, got, want, text, err)
		}
	}
	digits := []byte("00123456789.-")
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		s := make([]byte, 1+r.IntN(18))
		for i := range s {
			s[i] = digits[r.IntN(len(digits))]
		}
		if i := r.IntN(len(s)); r.IntN(4) > 0 {
			for j := range s {
				s[j] = digits[r.IntN(11)]
			}
			s[i] = '.'
		}
		try(string(s))
	}
	if taken < 10_000 {
		t.Errorf("only %d texts were taken", taken)
	}
	for s, want := range map[string]bool{
		"0.1": true, "-0.5": true, "12345678901234.5": true, "0.00000123456789": true, "99999999999999.9": true,
		"0.0": false, "-0.0": false, "1.50": false, "01.5": false, ".5": false, "-.5": false, "5.": false, "1": false, "": false, "-": false,
		"1.2.3": false, "1e5": false, "0.0000009": false, "123456789012345.6": false, "+1.5": false, "1-2.5": false,
	} {
		if _, ok := shortDecimal(s); ok != want {
			t.Errorf("shortDecimal(%q) is %v, want %v", s, ok, want)
		}
		try(s)
	}
}
