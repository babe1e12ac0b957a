package selection

import "testing"

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "x", false},
		{"*", "", true},
		{"*", "a/b\nc", true},
		{"a*c", "abbc", true},
		{"a*c", "abcd", false},
		{"a?c", "aéc", true},
		{"a?c", "ac", false},
		{"*.png", "fig/loss.png", true},
		{"*.png", "fig/lossXpng", false},
		{"[abc]x", "bx", true},
		{"[!abc]x", "bx", false},
		{"[^abc]x", "dx", true},
		{"[a-c]x", "bx", true},
		{"[]]", "]", true},
		{"[!]]", "x", true},
		{`[\]a]`, "a", true},
		{"[[]", "[", true},
		{"[a^]", "^", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
		{`a\?b`, "a?b", true},
		{"(a|b)+", "(a|b)+", true},
		{"(a|b)+", "a", false},
		{"RUN", "run", false},
		{"é*", "état", true},
	} {
		g, err := ParseGlob(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got := g.Match(tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
		if g.String() != tt.pattern {
			t.Errorf("%q prints as %q", tt.pattern, g)
		}
	}
	for _, bad := range []string{"[a", "[", "[!", `x\`, "[z-a]"} {
		if _, err := ParseGlob(bad); err == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}
