package cli

import "testing"

func TestCountOther(t *testing.T) {
	for _, tt := range []struct {
		kind string
		n    int64
		want string
	}{
		{"project", 1, "details of 1 project"},
		{"notes", 2, "notes of 2 projects"},
		{"artifact-version", 4, "4 artifact versions"},
		{"share-link", 2, "2 share links"},
		{"lineage", 1, "1 lineage entry"},
		{"lineage", 3, "3 lineage entries"},
		{"workspace", 1, "1 workspace"},
	} {
		if got := countOther(tt.kind, tt.n); got != tt.want {
			t.Errorf("countOther(%q, %d) = %q, want %q", tt.kind, tt.n, got, tt.want)
		}
	}
}
