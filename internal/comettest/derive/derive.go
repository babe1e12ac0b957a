// Package derive makes ids and numbers that depend on what they are for alone, so that
// two servers with the same seeds hold the same.
package derive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// ID is an id that depends on what it stands for alone.
func ID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Mix is the finisher of splitmix64: every bit of x moves half of the result.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	return x ^ x>>31
}
