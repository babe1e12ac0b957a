package filter

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/comet-stream/comet-stream/internal/selection"
)

// FuzzFilter gives all modes any input: none crashes, what a copy makes of a good
// stream is one, and so is whatever was salvaged.
func FuzzFilter(f *testing.F) {
	paths, err := filepath.Glob("../../stream/testdata/*.comet.zst")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 16<<10 {
			f.Add(data)
		}
	}
	f.Add(write(f, layouts["blocks of 300 bytes"], sample(f)...))
	rules := []Rules{
		{},
		{Without: resources(f, "metadata assets system-metrics project_notes")},
		{Selection: selection.Selection{Keys: keys("k", "k2"), AssetTypes: []string{"image"}}, Renames: renames(f, "a=z", "ws/p=z/p")},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, inputErr := readAll(data)
		for _, r := range rules {
			out, err := copyTo(t.Context(), bytes.NewReader(data), r)
			if _, outErr := readAll(out); inputErr == nil && len(out) > 0 && outErr != nil {
				t.Errorf("a good stream became %v (%v)", outErr, err)
			}
		}
		var out bytes.Buffer
		err := Salvage(t.Context(), &out, bytes.NewReader(data), Options{}, func(string, ...any) {})
		if _, outErr := readAll(out.Bytes()); out.Len() > 0 && outErr != nil {
			t.Errorf("salvaged (%v): %v", err, outErr)
		}
		for _, m := range []mode{List, JSON, Sum, Check} {
			m(t.Context(), io.Discard, bytes.NewReader(data), Options{})
		}
	})
}
