package pointset

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

func textPoint(value string, time, step int64) stream.Point {
	return stream.Point{Value: stream.TextValue(value), Time: stream.NewInt64(time), Step: stream.NewInt64(step)}
}

// TestPointSetIsMultiset holds a pointSet against a map of counts.
func TestPointSetIsMultiset(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	set, counts := New(), map[Hash]int{}
	series := set.Of("m")
	hashes := make([]Hash, 500)
	for i := range hashes {
		hashes[i] = Hash(rng.Uint64())
	}
	// The ends of the range and of a bucket are where a search may slip.
	hashes = append(hashes, 0, 1, 1<<58, 1<<58-1, ^Hash(0), ^Hash(0)-1)
	for range 5000 {
		h := hashes[rng.IntN(len(hashes))]
		set.Add(series, h, stream.Position{})
		counts[h]++
	}
	set.Seal()
	for range 20000 {
		h := hashes[rng.IntN(len(hashes))]
		_, had := counts[h]
		ok, known := set.Take(h)
		if want := counts[h] > 0; ok != want || known != had {
			t.Fatalf("take(%x) = %v, %v; %d are left", h, ok, known, counts[h])
		}
		if ok {
			counts[h]--
		}
	}
	if ok, known := set.Take(12345); ok || known {
		t.Errorf("take of a hash that was never there = %v, %v", ok, known)
	}
}

func TestPointSetTakeLike(t *testing.T) {
	old, fresh := New(), New()
	for h := range Hash(100) {
		old.Add(old.Of("m"), h<<57, stream.Position{})
		fresh.Add(fresh.Of("m"), h<<57, stream.Position{})
		fresh.Add(fresh.Of("m"), h<<57|1, stream.Position{})
	}
	old.Seal()
	fresh.Seal()
	for h := range Hash(50) {
		old.Take(h << 57)
		old.Of("m").Taken++
	}
	fresh.TakeSame(old)
	for h := range Hash(100) {
		if ok, _ := fresh.Take(h << 57); ok != (h >= 50) {
			t.Errorf("hash %d: take = %v", h, ok)
		}
		if ok, _ := fresh.Take(h<<57 | 1); !ok {
			t.Errorf("hash %d: a point of the new reading alone is taken", h)
		}
	}
	if got := fresh.Of("m").Taken; got != 50 {
		t.Errorf("taken = %d, want 50", got)
	}
}

func TestHashEqualPoints(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := []struct {
		name  string
		point stream.Point
		there comet.Point
		equal bool
	}{
		{"same", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"other form of a number", textPoint("1.0E-5", 1, 2), comet.Point{Value: []byte("0.00001"), Kind: comet.NumberValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"integer and float", textPoint("1", 1, 2), comet.Point{Value: []byte("1.0"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"minus zero", textPoint("-0", 1, 2), comet.Point{Value: []byte("0.0"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"NaN", textPoint("NaN", 1, 2), comet.Point{Value: []byte("nan"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"infinities", textPoint("Infinity", 1, 2), comet.Point{Value: []byte("-Infinity"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, false},
		{"text", textPoint("abc", 1, 2), comet.Point{Value: []byte("abc"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, true},
		{"other text", textPoint("abc", 1, 2), comet.Point{Value: []byte("abd"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, false},
		{"other value", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.50001"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2)}, false},
		{"other time", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(3), Step: comet.IntOf(2)}, false},
		{"step absent", textPoint("0.5", 1, 0), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(1)}, false},
		{"step and epoch", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(1), Epoch: comet.IntOf(2)}, false},
		{"context", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2), Context: text("train")}, false},
		{"empty context", textPoint("0.5", 1, 2), comet.Point{Value: []byte("0.5"), Kind: comet.StringValue, Time: comet.IntOf(1), Step: comet.IntOf(2), Context: text("")}, true},
		{"null and zero", stream.Point{Time: stream.NewInt64(1)}, comet.Point{Value: []byte("0"), Kind: comet.NumberValue, Time: comet.IntOf(1)}, false},
		{"null and null", stream.Point{Time: stream.NewInt64(1)}, comet.Point{Kind: comet.NullValue, Time: comet.IntOf(1)}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHasher("loss")
			if got := h.Point(&tt.point) == h.Existing(&tt.there); got != tt.equal {
				t.Errorf("equal = %v, want %v", got, tt.equal)
			}
		})
	}
	p := textPoint("1", 1, 1)
	if NewHasher("a").Point(&p) == NewHasher("b").Point(&p) {
		t.Error("points of two metrics have one hash")
	}
}

func TestDigestKnowsOrderAndNumber(t *testing.T) {
	sum := func(hashes ...Hash) (d Digest) {
		for _, h := range hashes {
			d.Add(h)
		}
		return d
	}
	if sum(1, 2, 3) != sum(3, 1, 2) {
		t.Error("the order counts")
	}
	for _, other := range []Digest{sum(1, 2), sum(1, 2, 3, 3), sum(1, 2, 4), sum(0, 3, 3)} {
		if sum(1, 2, 3) == other {
			t.Errorf("digest of 1, 2, 3 is %+v", other)
		}
	}
}

// A hash is found wherever others of its bucket are, also where they are not spread.
func TestFind(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, hash := range map[string]func(i int) Hash{
		"none":   nil,
		"spread": func(int) Hash { return Hash(random.Uint64() >> bucketBits) },
		"equal":  func(int) Hash { return 7 },
		"low":    func(i int) Hash { return Hash(i / 3) },
		"high":   func(i int) Hash { return 1<<(64-bucketBits) - 1 - Hash(i/3) },
	} {
		var b bucket
		for i := 0; hash != nil && i < 3000; i++ {
			b.hashes = append(b.hashes, hash(i))
		}
		slices.Sort(b.hashes)
		looked := []Hash{0, 6, 7, 8, 1 << 40, 1<<(64-bucketBits) - 1}
		for _, h := range append(looked, b.hashes...) {
			if want, _ := slices.BinarySearch(b.hashes, h); b.find(h) != want {
				t.Fatalf("%s: hash %d is at %d, want %d", name, h, b.find(h), want)
			}
		}
	}
}
