package selection

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is one of N parts of a source, number K of them. The zero value is the
// whole.
//
// What belongs to an experiment is in the shard of its key, what belongs to a
// project or a workspace in that of a name. FORMAT.md has the rule, section 8. It
// is the same forever: each of many processes works on its own shard, today and
// when it is run again, and nothing but the key decides, so that an experiment
// that comes or goes meanwhile moves no other one.
type Shard struct{ K, N uint64 }

// ParseShard reads K/N, with 0 <= K < N.
func ParseShard(text string) (Shard, error) {
	k, n, ok := strings.Cut(text, "/")
	number, err1 := strconv.ParseUint(k, 10, 31)
	of, err2 := strconv.ParseUint(n, 10, 31)
	switch {
	case !ok || err1 != nil || err2 != nil || of == 0:
		return Shard{}, errors.New("want K/N, such as 0/8")
	case number >= of:
		return Shard{}, fmt.Errorf("of %d shards the first is 0 and the last is %d", of, of-1)
	}
	return Shard{number, of}, nil
}

// String returns the shard as it is given, "" for the whole.
func (s Shard) String() string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.K, s.N)
}

// Whole reports whether everything is in the shard.
func (s Shard) Whole() bool { return s.N <= 1 }

// First reports whether this is the shard that what is to be done once is left to.
func (s Shard) First() bool { return s.K == 0 }

// Has reports whether the shard has the experiment of a key, or the thing of a
// name.
func (s Shard) Has(name string) bool {
	if s.Whole() {
		return true
	}
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])%s.N == s.K
}
