package pathname

import (
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"":               "",
		"vision":         "vision",
		"Größe 2 (b)":    "Größe 2 (b)",
		"team/a":         "team%2Fa",
		"/":              "%2F",
		"100%":           "100%",
		"50% off":        "50% off",
		"a%2Fb":          "a%252Fb",
		"%zz%a":          "%zz%a",
		"tab\tand\nline": "tab%09and%0Aline",
		"\x1b[31m":       "%1B[31m",
		"bad \xff":       "bad %FF",
		"\u202eevil":     "%E2%80%AEevil",
		"\ufffd":         "\ufffd",
	} {
		got := Escape(name)
		if got != want {
			t.Errorf("Escape(%q) = %q, want %q", name, got, want)
		}
		if back := Unescape(got); back != name {
			t.Errorf("Unescape(%q) = %q, want %q", got, back, name)
		}
		if back := Unescape(EscapeWord(name)); back != name {
			t.Errorf("Unescape(%q) = %q, want %q", EscapeWord(name), back, name)
		}
	}
	if got := EscapeWord("artifacts"); got != "%61rtifacts" {
		t.Errorf("EscapeWord = %q", got)
	}
	for _, part := range []string{"50%25", "a%2fb", "%", "%4", "a%62c", "%61%62", "x%2Fy%zz%20"} {
		if got := Unescape(part); got != part {
			t.Errorf("Unescape(%q) = %q: nothing is written so", part, got)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a%2Fb/%")
	f.Fuzz(func(t *testing.T, name string) {
		for _, part := range []string{Escape(name), EscapeWord(name)} {
			if strings.Contains(part, "/") || Unescape(part) != name {
				t.Errorf("%q is written as %q, which is %q", name, part, Unescape(part))
			}
		}
	})
}
