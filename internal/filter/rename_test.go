package filter

import (
	"strings"
	"testing"
)

func TestRenames(t *testing.T) {
	for _, tt := range []struct {
		rules    string // separated by spaces
		from, to string
	}{
		{"a=b", "a/p", "b/p"},
		{"a/p=b/q", "a/p", "b/q"},
		{"a/p=b/q", "a/x", "a/x"},
		{"a=c a/p=b/q", "a/p", "b/q"},
		{"a=c a/p=b/q", "a/x", "c/x"},
		{"a=c c=d", "a/p", "c/p"}, // rules are not chained
		{"a/p/q=b/r/s", "a/p/q", "b/r/s"},
		{"a/p%2Fq=b/r%2Fs", "a/p/q", "b/r/s"},
		{"a/50%25=b/50%", "a/50%25", "b/50%"},
		{"a/lr=0.1=b/lr=0.2", "a/lr=0.1", "b/lr=0.2"},
		{"a/p=b/p a/p=b/p", "a/p", "b/p"},
	} {
		var r Renames
		for _, rule := range strings.Fields(tt.rules) {
			if err := r.Add(rule); err != nil {
				t.Fatalf("%q: %v", rule, err)
			}
		}
		from, _ := parsePlace(tt.from)
		if got := r.place(from).String(); got != tt.to {
			t.Errorf("%s: %s becomes %s, want %s", tt.rules, from, got, tt.to)
		}
	}
	for _, bad := range []string{"", "a", "a=", "=b", "a/=b/", "a=b/p", "a/p=b", "/p=/q"} {
		var r Renames
		if err := r.Add(bad); err == nil {
			t.Errorf("%q is taken for a rule", bad)
		}
	}
	var r Renames
	if err := r.Add("a=b"); err != nil {
		t.Fatal(err)
	}
	if err := r.Add("a=c"); err == nil {
		t.Error("one workspace got two names")
	}
}
