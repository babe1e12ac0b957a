package workspace

import (
	"testing"

	"github.com/comet-stream/comet-stream/internal/importer/document"
)

// The order of the source is the right one, whatever the numbers of versions say.
func TestVersionOrderOfSource(t *testing.T) {
	at := func(v int64) document.Int { return document.IntOf(&v) }
	for name, tt := range map[string]struct {
		added  []int64
		source []document.Int
		want   string
	}{
		"as in the stream":       {[]int64{1, 2, 3}, make([]document.Int, 3), ""},
		"all at once":            {[]int64{1, 1, 1}, make([]document.Int, 3), ""},
		"another order":          {[]int64{1, 3, 2}, make([]document.Int, 3), "b"},
		"another than at source": {[]int64{1, 3, 2}, []document.Int{at(1), at(2), at(3)}, "b"},
		"that of the source":     {[]int64{1, 3, 2}, []document.Int{at(1), at(3), at(2)}, ""},
	} {
		var o versionOrder
		got := ""
		for i, version := range []string{"a", "b", "c"} {
			if late := o.next(version, tt.added[i], tt.source[i]); late != "" {
				got = late
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
