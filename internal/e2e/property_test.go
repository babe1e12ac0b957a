package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/filter"
	"github.com/comet-stream/comet-stream/stream"
)

// rounds is how many random projects a property is tried on.
func rounds() int {
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		return 200
	}
	return sized(8, 3)
}

// onRandomProjects runs a test on projects of random seeds, or of the one that
// COMET_STREAM_SEED says. The seed is the name of the test.
func onRandomProjects(t *testing.T, test func(t *testing.T, d *dice)) {
	seeds := make([]uint64, rounds())
	for i := range seeds {
		seeds[i] = rand.Uint64N(1 << 40)
	}
	if text := os.Getenv("COMET_STREAM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("COMET_STREAM_SEED=%d", seed), func(t *testing.T) { test(t, newDice(seed)) })
	}
}

// What is exported, imported and exported again is the same, record by record,
// apart from the closed list of what servers assign; and so it is after a
// filter without a rule.
func TestExportImportExport(t *testing.T) {
	onRandomProjects(t, func(t *testing.T, d *dice) {
		src, dst, filtered := start(t, comettest.Options{}), start(t, comettest.Options{}), start(t, comettest.Options{})
		d.seedProject(src, "ws", "p")
		first := runExport(src, "ws/p").want(t, cli.ExitOK).stdout
		second := through(t, dst, first)
		sameRecords(t, "the copy", first, second)
		sameSums(t, first, second)
		sameProject(t, src, "ws/p", dst, "ws/p")

		plain := runFilter(first).want(t, cli.ExitOK).stdout
		sameRaw(t, first, plain)
		sameRecords(t, "the copy through the filter", first, through(t, filtered, plain))
		importAgain(t, dst, first)
		runImport(dst, first, "--verify-only").want(t, cli.ExitOK)
	})
}

// through imports a stream into an instance and exports it from there.
func through(t *testing.T, dst *instance, stream []byte) []byte {
	t.Helper()
	dst.SeedWorkspace("ws")
	runImport(dst, stream).want(t, cli.ExitOK)
	return runExport(dst, "ws/p").want(t, cli.ExitOK).stdout
}

// A filter before the transport leaves the same destination as one after it.
func TestFilterBeforeOrAfter(t *testing.T) {
	onRandomProjects(t, func(t *testing.T, d *dice) {
		src, before, copied, after := start(t, comettest.Options{}), start(t, comettest.Options{}), start(t, comettest.Options{}), start(t, comettest.Options{})
		d.seedProject(src, "ws", "p")
		rules := pick(d, [][]string{
			{"metrics", "parameters"}, {"-x", "assets"}, {"metadata", "others", "assets"}, {"run", "project"}, {"--archived", "exclude"},
			{"--archived", "only"}, {"--asset-type", "asset"}, {"--name", "run *"}, {"system-metrics"}, {"-x", "metadata"},
			{"--asset-name", "n*"}, {"--max-asset-size", "500"}, {"-x", "output", "html"},
		})
		t.Logf("rules %q", rules)
		whole := runExport(src, "ws/p").want(t, cli.ExitOK).stdout
		for _, in := range []*instance{before, copied, after} {
			in.SeedWorkspace("ws")
		}
		first := runFilter(whole, rules...)
		again := through(t, copied, whole)
		code, left := cli.ExitOK, true
		if first.code != cli.ExitOK {
			// Nothing is what was asked for. Of experiments, nothing of the project is left.
			code, left = cli.ExitIncomplete, strings.Contains(first.stderr, "no asset ")
			if !left {
				first.says(t, "no experiment ")
			}
		}
		runImport(before, first.want(t, code).stdout).want(t, cli.ExitOK)
		runImport(after, runFilter(again, rules...).want(t, code).stdout).want(t, cli.ExitOK)
		if left {
			sameProject(t, before, "ws/p", after, "ws/p")
		}
	})
}

// sameRaw compares all records of two streams but their headers, byte by byte.
func sameRaw(t *testing.T, want, got []byte) {
	t.Helper()
	a, b := rawRecords(t, want), rawRecords(t, got)
	if len(a) != len(b) {
		t.Fatalf("%d records, want %d", len(b), len(a))
	}
	for i := range a {
		if a[i].Kind == stream.KindHeader && b[i].Kind == stream.KindHeader {
			continue
		}
		if a[i].Kind != b[i].Kind || !bytes.Equal(a[i].Data, b[i].Data) {
			t.Fatalf("record %d differs: %s %x, want %s %x", i+1, b[i].Kind, b[i].Data, a[i].Kind, a[i].Data)
		}
	}
}

func rawRecords(t *testing.T, text []byte) []stream.Raw {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(text), stream.ReaderOptions{})
	defer r.Close()
	var list []stream.Raw
	for {
		raw, err := r.NextRaw()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, stream.Raw{Kind: raw.Kind, Data: bytes.Clone(raw.Data)})
	}
}

// sameRecords compares two streams record by record, apart from the closed
// list and the header. Assets come in the order of the server's list, which is
// that of the uploads: they are compared in the order of their ids.
func sameRecords(t *testing.T, what string, want, got []byte) {
	t.Helper()
	if diff := diff(recordLines(t, want), recordLines(t, got)); diff != "" {
		t.Errorf("%s differs (-first +second):\n%s", what, head(diff))
	}
}

// recordLines returns the records of a stream as lines of JSON without what may
// differ.
func recordLines(t *testing.T, text []byte) []string {
	t.Helper()
	var lines []string
	var assets []string // of the group, each with its end
	for _, raw := range rawRecords(t, text) {
		switch raw.Kind {
		case stream.KindHeader, stream.KindChunk:
			continue // the end of an asset has the hash of its bytes
		case stream.KindAsset:
			assets = append(assets, line(t, raw))
			continue
		case stream.KindAssetEnd:
			assets[len(assets)-1] += line(t, raw)
			continue
		case stream.KindExperimentEnd:
			slices.Sort(assets)
			lines = append(lines, assets...)
			assets = nil
		}
		lines = append(lines, line(t, raw))
	}
	return lines
}

// line is a record without what servers assign, as one line of JSON.
func line(t *testing.T, raw stream.Raw) string {
	t.Helper()
	text, err := raw.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil {
		t.Fatal(err)
	}
	for _, path := range filter.Assigned()[raw.Kind] {
		drop(body, strings.Split(path, "."))
	}
	text, err = json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := body["id"].(string)
	return fmt.Sprintf("%s %s %s", raw.Kind, id, text)
}

// drop removes a member of an object, or of the objects of a list.
func drop(v any, path []string) {
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
			return
		}
		drop(v[path[0]], path[1:])
	case []any:
		for _, item := range v {
			drop(item, path)
		}
	}
}
