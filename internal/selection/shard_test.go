package selection

import (
	"fmt"
	"strings"
	"testing"
)

// TestShardForEver holds the rule of FORMAT.md: other values would move
// experiments between the shards of runs that are years apart.
func TestShardForEver(t *testing.T) {
	for name, want := range map[string][3]uint64{ // of 2, 8 and 1000 shards
		"":                                 {0, 4, 652},
		"a":                                {0, 2, 250},
		"vision":                           {0, 4, 852},
		"0123456789abcdef0123456789abcdef": {0, 6, 22},
		"état":                             {0, 4, 60},
	} {
		for i, n := range []uint64{2, 8, 1000} {
			for k := range n {
				if got := (Shard{k, n}).Has(name); got != (k == want[i]) {
					t.Errorf("%q is in shard %d/%d: %v, want it in %d", name, k, n, got, want[i])
				}
			}
		}
	}
}

// TestShardEven looks at how evenly keys are spread, and that each is in one.
func TestShardEven(t *testing.T) {
	const n, keys = 7, 7000
	var in [n]int
	for i := range keys {
		key := fmt.Sprintf("%032x", i)
		shards := 0
		for k := range uint64(n) {
			if (Shard{k, n}).Has(key) {
				in[k]++
				shards++
			}
		}
		if shards != 1 {
			t.Fatalf("%s is in %d shards", key, shards)
		}
	}
	for k, have := range in {
		if have < keys/n*8/10 || have > keys/n*12/10 {
			t.Errorf("shard %d has %d of %d keys", k, have, keys)
		}
	}
}

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"0/1": {0, 1}, "3/8": {3, 8}, "24999/25000": {24999, 25000}} {
		got, err := ParseShard(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "3", "/", "3/", "/8", "8/8", "9/8", "-1/8", "0/0", "1/-8", "a/b", "0/8/9", " 0/8", "0x1/8", "0/99999999999"} {
		if got, err := ParseShard(bad); err == nil {
			t.Errorf("%q is shard %v", bad, got)
		} else if strings.Contains(err.Error(), "18446744073709551615") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if whole := (Shard{}); !whole.Has("a") || !whole.First() || whole.String() != "" {
		t.Error("the zero value is not the whole")
	}
}
