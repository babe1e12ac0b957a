package stream

import (
	"strings"
	"testing"
)

// A record takes as many allocations as another one with more points: none is made
// for a value.
func TestMsgpackAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what is pooled")
	}
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

// Reading past what has been checked is a mistake of this package.
func TestMsgpackMisuse(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "stream: ") {
			t.Errorf("panic of %q", text)
		}
	}()
	cursorAt(appendInt(nil, 1<<20)[:3], 0).int()
}

// The functions below append single values, for tests that put records together
// by hand.

func appendBool(b []byte, v bool) []byte     { return pack(b, func(p *packer) { p.bool(v) }) }
func appendInt(b []byte, v int64) []byte     { return pack(b, func(p *packer) { p.int(v) }) }
func appendUint(b []byte, v uint64) []byte   { return pack(b, func(p *packer) { p.uint(v) }) }
func appendFloat(b []byte, v float64) []byte { return pack(b, func(p *packer) { p.float(v) }) }
func appendBin(b, data []byte) []byte        { return pack(b, func(p *packer) { p.bin(data) }) }
func appendArrayLen(b []byte, n int) []byte  { return pack(b, func(p *packer) { p.arrayLen(n) }) }
func appendMapLen(b []byte, n int) []byte    { return pack(b, func(p *packer) { p.mapLen(n) }) }
func appendLiteral(b, text []byte) []byte {
	return pack(b, func(p *packer) { p.literal(string(text)) })
}

func appendStr[T string | Kind | []byte](b []byte, s T) []byte {
	return pack(b, func(p *packer) { p.str(string(s)) })
}

// codeInvalid is the one byte that msgpack never uses.
const codeInvalid = 0xc1
