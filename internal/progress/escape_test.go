package progress

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain text, \"quoted\" \\ too", "plain text, \"quoted\" \\ too"},
		{"Käse 🧀 日本語 é", "Käse 🧀 日本語 é"},
		{"\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\a`},
		{"a\r\nb\tc", `a\r\nb\tc`},
		{"\u009b1m", `\u009b1m`},
		{"\u202eevil\u2066", `\u202eevil\u2066`},
		{"\xff\xfe ok", `\xff\xfe ok`},
		{"\ufffd", "\ufffd"},
		{"\x00\x7f", `\x00\x7f`},
		{"", ""},
	} {
		if got := Escape(tt.in); got != tt.want {
			t.Errorf("Escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestEscapeJSON(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"a":"plain \u001b[0m"}` + "\n", `{"a":"plain \u001b[0m"}` + "\n"},
		{`"Käse 🧀 日本語"`, `"Käse 🧀 日本語"`},
		{"\"\x7f \u009b1m \u0080\"", `"\u007f \u009b1m \u0080"`},
		{"\"\u202eevil\u2066 \u2028\"", `"\u202eevil\u2066 \u2028"`},
		{"\"\U000e0041\"", `"\udb40\udc41"`},
		{"\"\ufffd\"", `"\ufffd"`},
	} {
		got := string(EscapeJSON([]byte(tt.in)))
		if got != tt.want {
			t.Errorf("EscapeJSON(%q) = %q, want %q", tt.in, got, tt.want)
		}
		var a, b any
		if json.Unmarshal([]byte(tt.in), &a) != nil || json.Unmarshal([]byte(got), &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%q means %q, and %q means %q", tt.in, a, got, b)
		}
	}
}
