package filter

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// Whatever the stream and the other rules: its shards have what it has, each thing
// once.
func TestShardsRandom(t *testing.T) {
	seed := rand.Uint64()
	for round := range 40 {
		d := &dice{rand.New(rand.NewPCG(seed, uint64(round))), t}
		data := write(t, stream.WriterOptions{BlockSize: 50 + d.IntN(1000), FlushAfter: -1}, d.stream()...)
		rules := d.rules()
		rules.Shard = selection.Shard{}
		sameInShards(t, data, uint64(1+d.IntN(5)), rules)
		if t.Failed() {
			t.Fatalf("seed %d, round %d, %+v", seed, round, rules)
		}
	}
}

// The same of a stream with a record of every kind. What an import is to make
// once is in the first shard.
func TestShardsSample(t *testing.T) {
	data := write(t, stream.WriterOptions{BlockSize: 200, FlushAfter: -1}, sample(t)...)
	for n := range uint64(5) {
		sameInShards(t, data, n+1, Rules{})
	}
	shared := 0
	for k := range uint64(4) {
		for _, r := range read(t, shardOf(t, data, k, 4, Rules{})) {
			if rec, err := r.Decode(); err != nil {
				t.Fatal(err)
			} else if p, ok := rec.(*stream.Project); ok && p.ShareLinks != nil {
				shared++
				if k > 0 {
					t.Errorf("shard %d has the share links of %q", k, p.Name)
				}
			}
		}
	}
	if shared == 0 {
		t.Error("no shard has share links")
	}
}

func shardOf(t *testing.T, data []byte, k, n uint64, rules Rules) []byte {
	t.Helper()
	rules.Shard = selection.Shard{K: k, N: n}
	out, err := copyTo(t.Context(), bytes.NewReader(data), rules)
	_, missing := errors.AsType[*MissingError](err)
	_, nothing := errors.AsType[*selection.NothingError](err)
	if err != nil && !missing && !nothing {
		t.Fatalf("shard %d/%d: %v", k, n, err)
	}
	return out
}

// sameInShards fails the test unless the shards of a stream, one after the other,
// have its sums and its totals.
func sameInShards(t *testing.T, data []byte, n uint64, rules Rules) {
	t.Helper()
	var shards []byte
	for k := range n {
		shards = append(shards, shardOf(t, data, k, n, rules)...)
	}
	data = shardOf(t, data, 0, 1, rules)
	if diff := cmp.Diff(sumLines(t, data), sumLines(t, shards)); diff != "" {
		t.Errorf("sums of %d shards (-want +got):\n%s", n, diff)
	}
	if diff := cmp.Diff(totalLines(t, data), totalLines(t, shards)); diff != "" {
		t.Errorf("totals of %d shards (-want +got):\n%s", n, diff)
	}
}

func sumLines(t *testing.T, data []byte) []string {
	t.Helper()
	var out bytes.Buffer
	if err := Sum(t.Context(), &out, bytes.NewReader(data), Options{}); err != nil {
		t.Fatal(err)
	}
	return strings.Split(out.String(), "\n")
}

// totalLines returns what Check prints, without what is once in each stream.
func totalLines(t *testing.T, data []byte) (lines []string) {
	t.Helper()
	var out bytes.Buffer
	if err := Check(t.Context(), &out, bytes.NewReader(data), Options{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		name, _, _ := strings.Cut(line, "\t")
		if name != "streams" && name != "records" && name != "projects" {
			lines = append(lines, line)
		}
	}
	return lines
}
