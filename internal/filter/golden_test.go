package filter

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// golden calls f with each golden stream of the stream package, and with the
// error that its text names: "none", or the name of a class.
func golden(t *testing.T, f func(t *testing.T, data []byte, class string)) {
	paths, err := filepath.Glob("../../stream/testdata/*.comet.zst")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".comet.zst")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(strings.TrimSuffix(path, ".comet.zst") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			class := regexp.MustCompile(`(?m)^error: (\w+)`).FindSubmatch(text)
			if class == nil {
				t.Fatal("its text names no error")
			}
			f(t, data, string(class[1]))
		})
	}
}

// Check says of every golden stream what its text says, and copies of the good
// ones have the same records.
func TestGolden(t *testing.T) {
	golden(t, func(t *testing.T, data []byte, class string) {
		_, err := printed(t, Check, data, Rules{})
		if (err == nil) != (class == "none") {
			t.Errorf("Check: %v, want error %s", err, class)
		}
		if class != "none" {
			return
		}
		for _, m := range []mode{List, JSON, Sum} {
			if _, err := printed(t, m, data, Rules{}); err != nil {
				t.Error(err)
			}
		}
		// What chooses experiments takes the counts out of the plan.
		headers := func(r stream.Raw) bool { return r.Kind != stream.KindHeader && r.Kind != stream.KindPlan }
		want := show(t, where(read(t, data), headers))
		for _, rules := range []Rules{{}, {Selection: selection.Selection{Invert: true, Names: globs(t, "nope")}}, {Selection: selection.Selection{AssetNames: globs(t, "*")}}} {
			if diff := cmp.Diff(want, show(t, where(read(t, pass(t, data, rules)), headers))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

// Whatever the input is, a copy of it that ends well is a good stream, or has
// what is wrong inside blocks that were not looked at; and a salvaged one is good.
func TestGoldenNeverMadeWorse(t *testing.T) {
	looks := Rules{Without: resources(t, "html code"), Selection: selection.Selection{Invert: true, Keys: keys("nope"), AssetTypes: []string{"nope"}}}
	golden(t, func(t *testing.T, data []byte, class string) {
		for _, rules := range []Rules{{}, looks} {
			out, err := copyTo(t.Context(), bytes.NewReader(data), rules)
			_, readErr := readAll(out)
			if err == nil && readErr != nil && class == "none" {
				t.Errorf("a good stream was spoiled: %v", readErr)
			}
			if err != nil && len(out) > 0 && readErr == nil {
				t.Errorf("the input ends with %v, the output well", err)
			}
		}
		var out bytes.Buffer
		err := Salvage(t.Context(), &out, bytes.NewReader(data), Options{}, func(string, ...any) {})
		if _, readErr := readAll(out.Bytes()); out.Len() > 0 && readErr != nil {
			t.Errorf("salvaged (%v): %v", err, readErr)
		}
		if class == "none" && err != nil {
			t.Errorf("salvage of a good stream: %v", err)
		}
		for _, m := range []mode{List, JSON, Sum} {
			m(t.Context(), io.Discard, bytes.NewReader(data), Options{})
		}
	})
}
