package stream

import (
	"runtime/debug"
	"testing"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// A record takes as many allocations as another one with more points: none is made
// for a value.
func TestMsgpackAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what is pooled")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection drops what is pooled, too
	allocations := func(n int) (encode, decode float64) {
		m := &Metrics{Name: "loss", Points: make([]Point, n)}
		for i := range m.Points {
			m.Points[i] = Point{Value: FloatValue(1 / float64(i+3)), Time: NewInt64(int64(i) << 20), Step: NewInt64(int64(i))}
		}
		m.Points[0].Value = IntValue(1 << 40)
		raw, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		room := make([]byte, 0, len(raw.Data))
		encode = testing.AllocsPerRun(20, func() {
			if _, err := appendRecord(room, m); err != nil {
				t.Fatal(err)
			}
		})
		return encode, testing.AllocsPerRun(20, func() { raw.view.decode() })
	}
	encode1, decode1 := allocations(1)
	encodeN, decodeN := allocations(MaxPoints)
	if encodeN > encode1 || decodeN > decode1 {
		t.Errorf("%v and %v allocations for one point, %v and %v for %d", encode1, decode1, encodeN, decodeN, MaxPoints)
	}
}

// The functions below append single values, for tests that put records together
// by hand.

func appendBool(b []byte, v bool) []byte   { return pack.Append(b, func(p *pack.Packer) { p.Bool(v) }) }
func appendInt(b []byte, v int64) []byte   { return pack.Append(b, func(p *pack.Packer) { p.Int(v) }) }
func appendUint(b []byte, v uint64) []byte { return pack.Append(b, func(p *pack.Packer) { p.Uint(v) }) }
func appendFloat(b []byte, v float64) []byte {
	return pack.Append(b, func(p *pack.Packer) { p.Float(v) })
}
func appendBin(b, data []byte) []byte { return pack.Append(b, func(p *pack.Packer) { p.Bin(data) }) }
func appendArrayLen(b []byte, n int) []byte {
	return pack.Append(b, func(p *pack.Packer) { p.ArrayLen(n) })
}
func appendMapLen(b []byte, n int) []byte {
	return pack.Append(b, func(p *pack.Packer) { p.MapLen(n) })
}
func appendLiteral(b, text []byte) []byte {
	return pack.Append(b, func(p *pack.Packer) { p.Literal(string(text)) })
}

func appendStr[T string | Kind | []byte](b []byte, s T) []byte {
	return pack.Append(b, func(p *pack.Packer) { p.Str(string(s)) })
}

// codeInvalid is the one byte that msgpack never uses.
const codeInvalid = 0xc1
