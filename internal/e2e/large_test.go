package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// largeText returns n bytes of text with lines, of which hardly any repeats.
func largeText(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%x ümläut %x\n", r.Uint64(), r.Uint64())
	}
	return strings.ToValidUTF8(b.String()[:n], "")
}

// sized returns a size, or a smaller one for when every access to memory is
// watched.
func sized(full, watched int) int {
	if underRace {
		return watched
	}
	return full
}

// Large things arrive whole.
func TestLarge(t *testing.T) {
	text := largeText(sized(9<<20, 700_000))
	for _, c := range []awkward{
		{"html", comettest.ExperimentSpec{HTML: &text}},
		{"output", comettest.ExperimentSpec{Output: []string{text}}},
		{"code and graph", comettest.ExperimentSpec{Code: &text, Graph: &text}},
		{"patch", comettest.ExperimentSpec{GitPatch: patchZip(text)}},
		{"parameters", comettest.ExperimentSpec{Parameters: parameters(sized(50_000, 5000))}},
		{"points", comettest.ExperimentSpec{Synthetic: []comettest.SyntheticMetric{{Name: "m", Seed: 1, N: sized(20_001, 9001), Start: epoch}}}},
		{"asset", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{{Name: "a", Size: int64(sized(20<<20, 4<<20)), Seed: 3}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testLarge(t, c.spec)
		})
	}
}

// TestTortureLarge is TestLarge at the sizes of real life.
func TestTortureLarge(t *testing.T) {
	torture(t)
	for _, c := range []awkward{
		{"1000000 points", comettest.ExperimentSpec{Synthetic: []comettest.SyntheticMetric{{Name: "m", Seed: 1, N: 1_000_000, Start: epoch}}}},
		{"asset of 200 MB", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{{Name: "a", Size: 200 << 20, Seed: 3}}}},
	} {
		t.Run(c.name, func(t *testing.T) { testLarge(t, c.spec) })
	}
}

func parameters(n int) []comettest.Value {
	values := make([]comettest.Value, n)
	for i := range values {
		values[i] = comettest.Value{Name: fmt.Sprintf("layer|%d|size", i), Value: strconv.Itoa(i), Time: epoch + int64(i)}
	}
	return values
}

// testLarge moves one experiment, and imports it again.
func testLarge(t *testing.T, spec comettest.ExperimentSpec) {
	spec.Start, spec.End = epoch, epoch+1000
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	key := src.SeedExperiment("src", "large", spec)
	stream := runExport(src, "src/large").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst/large").want(t, cli.ExitOK)
	sameProject(t, src, "src/large", dst, "dst/large")
	samePatch(t, src, dst, key)
	importAgain(t, dst, stream, "dst/large")
}

// Notes and descriptions of projects, and their names, survive.
func TestAwkwardProjects(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	specs := map[string]comettest.ProjectSpec{
		"no description": {}, "empty description": {Description: new("")}, "public": {Public: true},
		"notes of 1 byte": {Notes: "x"}, "long notes": {Notes: largeText(sized(9<<20, 700_000))}, "notes with lines": {Notes: "# a\r\n\r\nü\u2028\x00\n\n"},
		"long description": {Description: new(strings.Repeat("ü ", 5000))}, strings.Repeat("n", 100): {Description: new("long name")},
		"ü 東京 🚀": {Notes: "unicode name"}, "100% \"quoted\" & more": {Notes: "odd name"}, " spaces ": {Notes: "spaces"},
	}
	for name, spec := range specs {
		src.SeedProject("src", name, spec)
	}
	stream := runExport(src, "src").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst").want(t, cli.ExitOK)
	for name := range specs {
		t.Run(name, func(t *testing.T) { sameProject(t, src, "src/"+name, dst, "dst/"+name) })
	}
	t.Run("again", func(t *testing.T) { importAgain(t, dst, stream, "dst") })
}

// An asset that is a stream is bytes like any other.
func TestStreamAsAsset(t *testing.T) {
	inner, src, dst := start(t, comettest.Options{}), start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	inner.SeedDemo("demo")
	stream := runExport(inner, "demo/vision").want(t, cli.ExitOK).stdout
	src.SeedExperiment("src", "p", comettest.ExperimentSpec{Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{
		{Name: "old.comet.zst", Body: stream}, {Name: "cut.comet.zst", Body: stream[:len(stream)/2]},
	}})
	move(t, src, dst, "src/p", "dst/p")
	sameProject(t, src, "src/p", dst, "dst/p")
}
