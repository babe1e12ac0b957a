package stream

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

func TestTextValue(t *testing.T) {
	for _, tt := range []struct {
		text string
		kind valueKind
		json string // what is sent on; "" = the text
	}{
		{"0", valueInt, ""},
		{"-1", valueInt, ""},
		{"9223372036854775807", valueInt, ""},
		{"-9223372036854775808", valueInt, ""},
		{"9223372036854775808", valueText, ""}, // encoding/json prints 9223372036854775808 as …776000
		{"-9223372036854775809", valueText, ""},
		{"9007199254740993", valueInt, ""},
		{"00", valueText, `"00"`},
		{"+1", valueText, `"+1"`},
		{"-0", valueFloat, ""},
		{"0.5", valueFloat, ""},
		{"0.1", valueFloat, ""},
		{"1.0", valueText, ""},
		{"-0.0", valueText, ""},
		{"1.", valueText, `"1."`},
		{".5", valueText, `".5"`},
		{"0.13101346811652184", valueFloat, ""},
		{"0.131013468116521841", valueText, ""},
		{"5e-324", valueFloat, ""},
		{"1e-7", valueFloat, ""},
		{"1e-07", valueText, ""},
		{"1.0E-5", valueText, ""},
		{"0.000001", valueFloat, ""},
		{"1e-6", valueText, ""},
		{"1e+21", valueFloat, ""},
		{"1e21", valueText, ""},
		{"100000000000000000000", valueFloat, ""},
		{"1.7976931348623157e+308", valueFloat, ""},
		{"1e999", valueText, ""},
		{"0.1234567890123456789012345678901234567890", valueText, ""},
		{"NaN", valueText, `"NaN"`},
		{"Infinity", valueText, `"Infinity"`},
		{"-Infinity", valueText, `"-Infinity"`},
		{"inf", valueText, `"inf"`},
		{"", valueText, `""`},
		{" 1", valueText, `" 1"`},
		{"0x10", valueText, `"0x10"`},
		{"1_000", valueText, `"1_000"`},
		{"True", valueText, `"True"`},
		{"null", valueText, `"null"`},
		{"quote \" and \n and é", valueText, `"quote \" and \n and é"`},
	} {
		v := TextValue(tt.text)
		if v.kind != tt.kind {
			t.Errorf("TextValue(%q) is of kind %d, want %d", tt.text, v.kind, tt.kind)
		}
		if v.Text() != tt.text {
			t.Errorf("TextValue(%q).Text() = %q", tt.text, v.Text())
		}
		want := tt.json
		if want == "" {
			want = tt.text
		}
		if got := string(v.AppendJSON(nil)); got != want {
			t.Errorf("TextValue(%q) is sent on as %s, want %s", tt.text, got, want)
		}
		packed := pack.Append(nil, v.pack)
		c := pack.CursorAt(packed, 0)
		if back := readValue(c); back != v || c.Offset() != len(packed) {
			t.Errorf("TextValue(%q) comes back as %#v", tt.text, back)
		}
	}
}

// The text of a float is that of encoding/json, and FloatValue is TextValue of it.
func TestFloatValue(t *testing.T) {
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 1.5, 1 << 53, 1<<53 + 2, 1 << 62, 1 << 63, -1 << 63, 1 << 64,
		1e15, 1e18, 1e20, 1e21, 1e22, 1e-6, 9.9e-7, 5e-324, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, 123456789.125} {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		v := FloatValue(f)
		if v.Text() != string(text) || v != TextValue(string(text)) {
			t.Errorf("FloatValue(%v) = %#v, TextValue(%s) = %#v", f, v, text, TextValue(string(text)))
		}
		if back, ok := v.Float64(); !ok || math.Float64bits(back) != math.Float64bits(f) {
			t.Errorf("FloatValue(%v).Float64() = %v, %v", f, back, ok)
		}
	}
	for f, want := range map[float64]string{math.Inf(1): "Infinity", math.Inf(-1): "-Infinity"} {
		if v := FloatValue(f); v.Text() != want {
			t.Errorf("FloatValue(%v) = %v", f, v)
		}
	}
	if v := FloatValue(math.NaN()); v.Text() != "NaN" {
		t.Errorf("FloatValue(NaN) = %v", v)
	}
}

func TestValueFloat64(t *testing.T) {
	for text, want := range map[string]float64{
		"1.0E-5": 1e-5, "Infinity": math.Inf(1), "-inf": math.Inf(-1), "1e999": math.Inf(1), "7": 7, "9223372036854775808": 1 << 63,
	} {
		if f, ok := TextValue(text).Float64(); !ok || f != want {
			t.Errorf("Float64 of %q = %v, %v", text, f, ok)
		}
	}
	if f, ok := TextValue("NaN").Float64(); !ok || !math.IsNaN(f) {
		t.Errorf("Float64 of NaN = %v, %v", f, ok)
	}
	for _, text := range []string{"", "x", "0x10", "1_0", "++Inf", "True"} {
		if f, ok := TextValue(text).Float64(); ok {
			t.Errorf("Float64 of %q = %v", text, f)
		}
	}
	if _, ok := (Value{}).Float64(); ok {
		t.Error("null is a number")
	}
}

func TestValueFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		`null`: `null`, `true`: `true`, ` false `: `false`, `1.0`: `1.0`, `"1.0"`: `1.0`, `"NaN"`: `"NaN"`, `"a\u0062\n"`: `"ab\n"`,
		`12345678901234567890123`: `12345678901234567890123`, `{"a": 1}`: `"{\"a\": 1}"`,
	} {
		v, err := ValueFromJSON([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%s is sent on as %s, want %s (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{``, `nul`, `01`, `"`, `1 2`} {
		if v, err := ValueFromJSON([]byte(text)); err == nil {
			t.Errorf("%q = %v", text, v)
		}
	}
	if null, _ := ValueFromJSON([]byte("null")); !null.IsNull() || null != (Value{}) {
		t.Errorf("null = %#v", null)
	}
}
