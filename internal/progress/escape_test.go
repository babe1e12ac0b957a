package progress

import "testing"

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
