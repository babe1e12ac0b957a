package pack

import (
	"math"
	"strconv"
)

// numberLen returns the length of the JSON number that s begins with, 0 where it
// begins with none.
func numberLen[T string | []byte](s T) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digits(i)
	if whole == i || s[i] == '0' && whole > i+1 {
		return 0
	}
	i = whole
	if i < len(s) && s[i] == '.' {
		end := digits(i + 1)
		if end == i+1 {
			return 0
		}
		i = end
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		end := digits(j)
		if end == j {
			return 0
		}
		i = end
	}
	return i
}

// IsJSONNumber reports whether s is a number of JSON and no more.
func IsJSONNumber[T string | []byte](s T) bool { return len(s) > 0 && numberLen(s) == len(s) }

// CanonicalInt returns the int64 that s is, where s is what strconv prints for it.
func CanonicalInt[T string | []byte](s T) (int64, bool) {
	n := len(s)
	if n == 0 || n > 20 {
		return 0, false
	}
	i := 0
	if s[0] == '-' {
		i = 1
	}
	if i == n || s[i] == '0' && n > 1 {
		return 0, false
	}
	var u uint64
	for ; i < n; i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		u = u*10 + uint64(d) // cannot wrap: at most 20 digits, and the 20th follows a sign
	}
	if s[0] == '-' {
		return -int64(u), n < 20 || u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64 && n < 20
}

// canonicalUint returns the uint64 that s is, where s is what strconv prints for
// it and no int64.
func canonicalUint(s string) (uint64, bool) {
	if len(s) < 19 || len(s) > 20 || s[0] == '0' {
		return 0, false
	}
	u, err := strconv.ParseUint(s, 10, 64)
	return u, err == nil
}

// CanonicalFloat returns the float64 that s is, where s is what encoding/json
// prints for it.
func CanonicalFloat[T string | []byte](s T) (float64, bool) {
	if f, ok := shortDecimal(s); ok {
		return f, true
	}
	// The longest such text has 17 digits, a sign, a point and five leading
	// zeros, or 21 digits, or an exponent: 25 bytes.
	if len(s) == 0 || len(s) > 25 {
		return 0, false
	}
	if c := s[len(s)-1]; c < '0' || c > '9' || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	var buf [32]byte
	return f, string(AppendJSONFloat(buf[:0], f)) == string(s)
}

// powersOfTen are all float64s, to the digit.
var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortDecimal is CanonicalFloat for what most floats look like: at most 15
// digits around a point, of which the last is no zero. No two of those are the
// same float64, so its shortest text is s; and as the quotient of two whole
// numbers that are float64s it is the float64 that is nearest.
func shortDecimal[T string | []byte](s T) (float64, bool) {
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	n := len(s) - i - 1 // digits
	if last := len(s) - 1; n < 2 || n >= len(powersOfTen) || s[last] < '1' || s[last] > '9' {
		return 0, false
	}
	start, point := i, 0
	var whole uint64
	for ; i < len(s); i++ {
		d := s[i] - '0'
		switch {
		case d <= 9:
			whole = whole*10 + uint64(d)
		case s[i] == '.' && point == 0 && i > start:
			point = i
		default:
			return 0, false
		}
	}
	if point == 0 || s[start] == '0' && point > start+1 {
		return 0, false
	}
	f := float64(whole) / powersOfTen[len(s)-1-point]
	if s[0] == '-' {
		f = -f
	}
	return f, math.Abs(f) >= 1e-6 // smaller ones have an exponent
}

// AppendJSONFloat appends f in the form of encoding/json, which is that of
// ECMAScript.
func AppendJSONFloat(b []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// e-09 is e-9.
	if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}
