package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

func TestDocNumbers(t *testing.T) {
	for _, tt := range []struct {
		literal string
		class   pack.Class
	}{
		{"0", pack.ClassInt}, {"-1", pack.ClassInt}, {"127", pack.ClassInt}, {"-129", pack.ClassInt}, {"70000", pack.ClassInt},
		{"9223372036854775807", pack.ClassInt}, {"-9223372036854775808", pack.ClassInt}, {"9223372036854775808", pack.ClassInt},
		{"18446744073709551615", pack.ClassInt}, {"18446744073709551616", pack.ClassExt}, {"-9223372036854775809", pack.ClassExt},
		{"-0", pack.ClassExt}, {"-0.0", pack.ClassExt}, {"0.0", pack.ClassExt}, {"1.0", pack.ClassExt}, {"1E5", pack.ClassExt}, {"1e5", pack.ClassExt},
		{"0.5", pack.ClassFloat}, {"-1.25", pack.ClassFloat}, {"1e+21", pack.ClassFloat}, {"1e21", pack.ClassExt}, {"100000000000000000000", pack.ClassFloat},
		{"1e-7", pack.ClassFloat}, {"1e-07", pack.ClassExt}, {"0.000001", pack.ClassFloat}, {"0.0000001", pack.ClassExt}, {"5e-324", pack.ClassFloat},
		{"1e-400", pack.ClassExt}, {"1e999", pack.ClassExt}, {"-1e999", pack.ClassExt},
		{"0.1234567890123456789012345678901234567890", pack.ClassExt}, {"1234567890123456789012345678901234567890", pack.ClassExt},
		{"1" + strings.Repeat("0", 70000), pack.ClassExt},
	} {
		d, err := DocFromJSON([]byte(tt.literal))
		if err != nil {
			t.Errorf("%.50s: %v", tt.literal, err)
			continue
		}
		if pack.ClassOf[d[0]] != tt.class {
			t.Errorf("%.50s is of class %d, want %d", tt.literal, pack.ClassOf[d[0]], tt.class)
		}
		if back, err := d.JSON(); err != nil || string(back) != tt.literal {
			t.Errorf("%.50s comes back as %.50s (%v)", tt.literal, back, err)
		}
	}
}

func TestDocFromJSON(t *testing.T) {
	long := strings.Repeat("é", 40000)
	manyMembers := object(65536)
	many := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]"
	}
	for _, tt := range []struct{ name, in, want string }{
		{"null", " null ", "null"},
		{"sorted", `{"b":1,"a":2,"":3,"é":4,"B":5}`, `{"":3,"B":5,"a":2,"b":1,"é":4}`},
		{"last of a name stands", `{"a":1,"b":2,"a":3,"a":{"x":4}}`, `{"a":{"x":4},"b":2}`},
		{"same name escaped", `{"a":1,"\u0061":2}`, `{"a":2}`},
		{"nested", `[[],{},[{"b":[1],"a":{}}]]`, `[[],{},[{"a":{},"b":[1]}]]`},
		{"space", "\t{ \"a\" :\r\n[ 1 , 2 ] } \n", `{"a":[1,2]}`},
		{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00"`, "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\té€😀\""},
		{"unpaired surrogates", `["\ud83d","\ude00x","\ud83d\u0041","\ud83d\ud83d\ude00"]`, "[\"\uFFFD\",\"\uFFFDx\",\"\uFFFDA\",\"\uFFFD😀\"]"},
		{"not UTF-8", "[\"a\xffb\",\"\xc3\\n\"]", "[\"a\uFFFDb\",\"\uFFFD\\n\"]"},
		{"no HTML escapes", `"<>&\u2028"`, "\"<>&\u2028\""},
		{"long text", `"` + long + `"`, `"` + long + `"`},
		{"15 elements", many(15), many(15)},
		{"16 elements", many(16), many(16)},
		{"65,536 elements", many(65536), many(65536)},
		{"16 members", object(16), object(16)},
		{"65,536 members", manyMembers, manyMembers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := DocFromJSON([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.check(); err != nil {
				t.Fatalf("is not msgpack: %v", err)
			}
			got, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %.200s, want %.200s", got, tt.want)
			}
			again, err := DocFromJSON(got)
			if err != nil || !bytes.Equal(again, d) {
				t.Errorf("a second time: %v, equal %v", err, bytes.Equal(again, d))
			}
		})
	}
}

// object returns an object of n members in ascending order.
func object(n int) string {
	keys := make(map[string]int, n)
	for i := range n {
		keys["k"+strings.Repeat("x", i%3)+string(rune('a'+i%26))+jsonText(i)] = i
	}
	return jsonText(keys)
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestDocFromJSONBad(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `[`, `"`, `"\`, `"\u00`, `"\x"`, `"\u00zz"`, "\"\n\"", `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1 2]`, `{a:1}`, `{1:2}`,
		`01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `0x1`, `NaN`, `Infinity`, `tru`, `nulll`, `1 1`, `{}{}`, `'a'`, "\x00", "\xff", `[1}`, `{"a":1]`,
	} {
		if d, err := DocFromJSON([]byte(text)); err == nil {
			t.Errorf("%q = %v", text, d)
		}
	}
	deep := strings.Repeat("[", pack.MaxDocDepth) + strings.Repeat("]", pack.MaxDocDepth)
	if _, err := DocFromJSON([]byte(deep)); err != nil {
		t.Errorf("%d levels: %v", pack.MaxDocDepth, err)
	}
	for _, open := range []string{"[", `{"a":`} {
		if _, err := DocFromJSON([]byte(strings.Repeat(open, 1e6))); !errors.Is(err, ErrLimit) {
			t.Errorf("a million %q: %v", open, err)
		}
	}
}

func TestDocJSONBad(t *testing.T) {
	for name, d := range map[string]Doc{
		"empty":          {},
		"two values":     {msgpcode.Nil, msgpcode.Nil},
		"cut":            {msgpcode.FixedArrayLow | 2, 1},
		"bin":            {msgpcode.Bin8, 0},
		"other ext":      {msgpcode.FixExt1, 2, '1'},
		"ext no number":  {msgpcode.FixExt1, pack.ExtLiteral, 'x'},
		"timestamp":      {msgpcode.FixExt4, 0xff, 0, 0, 0, 0},
		"NaN":            appendFloat(nil, nan()),
		"float32":        {msgpcode.Float, 0, 0, 0, 0},
		"never used":     {codeInvalid},
		"key no str":     {msgpcode.FixedMapLow | 1, 1, 1},
		"announces much": {msgpcode.Array32, 0xff, 0xff, 0xff, 0xff},
		"bad UTF-8":      {msgpcode.FixedStrLow | 1, 0xff},
	} {
		if text, err := d.JSON(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if text, err := Doc(nil).JSON(); err != nil || string(text) != "null" {
		t.Errorf("nil = %s, %v", text, err)
	}
}

func nan() float64 { f := 0.0; return f / f }

func TestDocParts(t *testing.T) {
	d := doc(t, `{"a":1,"b":"x","c":{"a":2},"s3Link":"secret"}`)
	if got := d.Member("c").Member("a").String(); got != "2" {
		t.Errorf("c.a = %s", got)
	}
	if text, ok := d.Member("b").Text(); !ok || text != "x" {
		t.Errorf("b = %q, %v", text, ok)
	}
	if m := d.Member("none"); m != nil {
		t.Errorf("none = %v", m)
	}
	if _, ok := d.Text(); ok {
		t.Error("an object is a text")
	}
	less, err := d.Without("s3Link", "b", "none")
	if err != nil || less.String() != `{"a":1,"c":{"a":2}}` {
		t.Errorf("without: %v, %v", less, err)
	}
	if d.String() != `{"a":1,"b":"x","c":{"a":2},"s3Link":"secret"}` {
		t.Errorf("changed: %v", d)
	}
	for _, text := range []string{`[1]`, `null`, `"s3Link"`} {
		if same, err := doc(t, text).Without("s3Link"); err != nil || same.String() != text {
			t.Errorf("%s without = %v, %v", text, same, err)
		}
	}
	if none, err := Doc(nil).Without("a"); none != nil || err != nil {
		t.Errorf("nil without = %v, %v", none, err)
	}
	big, err := DocFromJSON([]byte(object(17)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range big.Members() {
		names = append(names, name)
	}
	if len(names) != 17 || !slices.IsSorted(names) {
		t.Errorf("members: %q", names)
	}
	if less, err := big.Without(names[3:]...); err != nil || pack.ClassOf[less[0]] != pack.ClassMap || less[0] != msgpcode.FixedMapLow|3 {
		t.Errorf("three members: % x, %v", []byte(less), err)
	}
}

// The value that comes back is the value that encoding/json reads.
func TestDocAgainstEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{"a":[1,2.5,-0,1e3,"\u00e9",null,true,{"b":{}}],"z":"\ud800"}`,
		`[0.1,1.10,123456789012345678901234567890,"\u0000\u001f\u007f"]`,
	} {
		back, err := doc(t, text).JSON()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeJSON(t, []byte(text)), decodeJSON(t, back)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func decodeJSON(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
