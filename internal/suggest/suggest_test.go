package suggest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNearest(t *testing.T) {
	names := []string{"vision", "Vision-2", "audio", "text", "visions of the future"}
	for in, want := range map[string][]string{
		"visoin": {"vision"},
		"VISION": {"vision", "Vision-2", "visions of the future"},
		"adio":   {"audio"},
		"zzzzzz": nil,
	} {
		if diff := cmp.Diff(want, Nearest(in, names, 5)); diff != "" {
			t.Errorf("near %q (-want +got):\n%s", in, diff)
		}
	}
	if got := Nearest("x", []string{"a", "b", "c", "d"}, 2); len(got) != 2 {
		t.Errorf("%d names, want 2", len(got))
	}
}
