package filter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

// salvage runs Salvage and returns what it wrote, what it warned of and its
// error.
func salvage(t testing.TB, data []byte) ([]byte, []string, error) {
	t.Helper()
	var out bytes.Buffer
	var warnings []string
	err := Salvage(t.Context(), &out, bytes.NewReader(data), Options{Tool: "tool 1"}, func(format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf(format, args...))
	})
	return out.Bytes(), warnings, err
}

// blockOf says which bytes of an input a block takes, and what is in it.
type blockOf struct {
	from, to    int64
	experiments []string // whose records are in it
	whole       []stream.Raw
}

// blocksOf lists the blocks of a good stream.
func blocksOf(t testing.TB, data []byte) []blockOf {
	t.Helper()
	r := stream.NewBlockReader(bytes.NewReader(data), stream.BlockReaderOptions{})
	defer r.Close()
	var list []blockOf
	open := ""
	for {
		b, err := r.Next()
		if err != nil {
			break
		}
		at := blockOf{from: b.Offset, to: b.Offset + 64 + int64(len(b.Frame))}
		records, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			if record.Kind == stream.KindExperiment {
				open = text(record, "key")
			}
			if open != "" && !slices.Contains(at.experiments, open) {
				at.experiments = append(at.experiments, open)
			}
			if record.Kind == stream.KindExperimentEnd {
				open = ""
			}
		}
		at.whole = records
		list = append(list, at)
	}
	return list
}

// groups returns the records of each experiment by its key.
func groups(records []stream.Raw) map[string][]stream.Raw {
	found := map[string][]stream.Raw{}
	open := ""
	for _, r := range records {
		if r.Kind == stream.KindExperiment {
			open = text(r, "key")
		}
		if open != "" {
			found[open] = append(found[open], r)
		}
		if r.Kind == stream.KindExperimentEnd {
			open = ""
		}
	}
	return found
}

func TestSalvageGood(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	out, warnings, err := salvage(t, slices.Concat(data, data))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %q", err, warnings)
	}
	got := read(t, out)
	want := read(t, slices.Concat(data, data))
	headers := func(r stream.Raw) bool { return r.Kind != stream.KindHeader }
	if diff := cmp.Diff(show(t, where(want, headers)), show(t, where(got, headers))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// manyExperiments returns a stream of n small experiments in two projects.
func manyExperiments(t testing.TB, n int, o stream.WriterOptions) []byte {
	records := []any{header(), &stream.Plan{Projects: []stream.PlannedProject{
		{Experiments: new(int64(n / 2)), Project: "p", Workspace: "a"}, {Experiments: new(int64(n - n/2)), Project: "q", Workspace: "a"},
	}}}
	for i := range n {
		project := "p"
		if i >= n/2 {
			project = "q"
		}
		if i == 0 || i == n/2 {
			records = append(records, &stream.Project{Name: project, Workspace: "a", Doc: doc(t, `{}`), Experiments: int64(n / 2)})
		}
		records = append(records, experiment(t, fmt.Sprintf("key%03d", i), "a", project, func(e *stream.Experiment) {})...)
	}
	records = append(records, &stream.Notes{Data: []byte("the end"), Project: "q", Workspace: "a"})
	return write(t, o, records...)
}

// Whatever single damage a stream has: the experiments that touch no damaged
// block are kept to the letter, the output passes every check, and nothing that
// is lost goes unsaid.
func TestSalvageRandomDamage(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	runs := 50
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		runs = 10_000
	}
	data := manyExperiments(t, 12, layouts["blocks of 2000 bytes"])
	blocks := blocksOf(t, data)
	original := groups(read(t, data))
	for run := range runs {
		from := random.IntN(len(data))
		length := 1 + random.IntN(1+random.IntN(len(data)/4))
		to := min(len(data), from+length)
		var bad []byte
		what := ""
		switch run % 5 {
		case 0:
			what = "flipped"
			bad = bytes.Clone(data)
			to = from + 1
			bad[from] ^= 1 << random.IntN(8)
		case 1:
			what = "zeroed"
			bad = bytes.Clone(data)
			clear(bad[from:to])
		case 2:
			what = "left out"
			bad = slices.Concat(data[:from], data[to:])
		case 3:
			what = "inserted"
			garbage := make([]byte, length)
			for i := range garbage {
				garbage[i] = byte(random.Uint32())
			}
			bad = slices.Concat(data[:from], garbage, data[from:])
			to = from
		case 4:
			what = "cut off"
			to = len(data)
			bad = data[:from]
		}
		name := fmt.Sprintf("seed %d, run %d: bytes %d to %d %s", seed, run, from, to, what)
		out, warnings, err := salvage(t, bad)
		if bytes.Equal(bad, data) {
			continue // zeros on zeros
		}
		hit := map[string]bool{}
		for _, b := range blocks {
			// What is inserted between two blocks touches neither.
			if int64(from) < b.to && int64(to) > b.from || int64(from) > b.from && int64(from) < b.to {
				for _, key := range b.experiments {
					hit[key] = true
				}
			}
		}
		if len(out) == 0 {
			if len(hit) < len(original) && from > 0 {
				t.Fatalf("%s: nothing salvaged: %v", name, err)
			}
			continue
		}
		records, readErr := readAll(out)
		if readErr != nil {
			t.Fatalf("%s: the output does not pass: %v", name, readErr)
		}
		kept := groups(records)
		for key, want := range original {
			got, ok := kept[key]
			switch {
			case !ok && !hit[key]:
				t.Errorf("%s: experiment %s is lost, which no damage touches\n%s", name, key, strings.Join(warnings, "\n"))
			case ok && !cmp.Equal(show(t, want), show(t, got)):
				t.Errorf("%s: experiment %s has changed", name, key)
			}
		}
		if what == "inserted" && len(kept) == len(original) {
			continue // bytes between two blocks take nothing away
		}
		loss, ok := errors.AsType[*LossError](err)
		if !ok || len(warnings) == 0 {
			t.Errorf("%s: %d of %d experiments kept, error %v, warnings %q", name, len(kept), len(original), err, warnings)
			continue
		}
		if loss.Kept != int64(len(kept)) {
			t.Errorf("%s: the error speaks of %d experiments, there are %d", name, loss.Kept, len(kept))
		}
		if what != "cut off" && to < int(blocks[len(blocks)-1].from) && loss.Kept+loss.Lost+loss.Unnamed != int64(len(original)) {
			t.Errorf("%s: %v, of %d in all", name, err, len(original))
		}
	}
}

func TestSalvageTwoStreams(t *testing.T) {
	a := manyExperiments(t, 6, layouts["blocks of 2000 bytes"])
	b := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	aBlocks, bBlocks := blocksOf(t, a), blocksOf(t, b)
	// The end of the first stream and the beginning of the second are lost.
	lost := int64(len(a)) - aBlocks[len(aBlocks)-2].from
	data := slices.Concat(a[:int64(len(a))-lost], b[bBlocks[2].from:])
	out, warnings, err := salvage(t, data)
	if _, ok := errors.AsType[*LossError](err); !ok {
		t.Fatalf("%v, %q", err, warnings)
	}
	records := read(t, out)
	if n := len(where(records, func(r stream.Raw) bool { return r.Kind == stream.KindHeader })); n < 1 {
		t.Errorf("%d headers", n)
	}
	kept := groups(records)
	for _, key := range []string{"key000", "key003"} {
		if kept[key] == nil {
			t.Errorf("%s is lost: %q", key, warnings)
		}
	}
}

// The beginning of a stream is lost with its header, plan and project.
func TestSalvageWithoutBeginning(t *testing.T) {
	data := write(t, layouts["a block a record"], sample(t)...)
	blocks := blocksOf(t, data)
	i := slices.IndexFunc(blocks, func(b blockOf) bool { return slices.Contains(b.experiments, "k1") })
	out, warnings, err := salvage(t, data[blocks[i+3].from:])
	loss, ok := errors.AsType[*LossError](err)
	if !ok || loss.Kept != 3 || loss.Lost != 1 || loss.Unnamed != 0 {
		t.Fatalf("%v, %q", err, warnings)
	}
	want := "header plan"
	if got := kindsOf(read(t, out)); !strings.HasPrefix(got, want) || !strings.Contains(got, "project:p experiment:k2") {
		t.Errorf("records %s", got)
	}
	if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "k1") }) {
		t.Errorf("the lost experiment is not named: %q", warnings)
	}
	skipped := where(read(t, out), func(r stream.Raw) bool { return r.Kind == stream.KindSkipped && text(r, "kind") == "experiment" })
	if len(skipped) != 2 { // k1, and the one that was skipped before
		t.Errorf("%d skipped experiments: %q", len(skipped), show(t, skipped))
	}
}

// Where no header, project and plan is left, experiments come out all the same.
func TestSalvageEveryLostBlock(t *testing.T) {
	data := write(t, layouts["a block a record"], sample(t)...)
	blocks := blocksOf(t, data)
	original := read(t, data)
	for i, b := range blocks {
		if i%3 != 0 && slices.Contains(b.experiments, "k3") {
			continue // as with k1 and k2
		}
		out, warnings, err := salvage(t, slices.Concat(data[:b.from], data[b.to:]))
		if _, ok := errors.AsType[*LossError](err); !ok {
			t.Errorf("without block %d (%s): %v, %q", i, kindsOf(b.whole), err, warnings)
			continue
		}
		records, err := readAll(out)
		if err != nil {
			t.Errorf("without block %d (%s): the output does not pass: %v", i, kindsOf(b.whole), err)
			continue
		}
		kept := groups(records)
		want := groups(original)
		for _, key := range b.experiments {
			delete(want, key)
		}
		for key := range want {
			if !cmp.Equal(show(t, want[key]), show(t, kept[key])) {
				t.Errorf("without block %d (%s): experiment %s is not what it was", i, kindsOf(b.whole), key)
			}
		}
		for _, kind := range []stream.Kind{stream.KindArtifactEnd, stream.KindModelEnd} {
			touched := slices.ContainsFunc(b.whole, func(r stream.Raw) bool {
				return r.Kind.Resource() == kind.Resource() || len(b.experiments) == 0 &&
					slices.Contains([]stream.Kind{"asset", "chunk", "asset-end", "future", "skipped"}, r.Kind)
			})
			has := slices.ContainsFunc(records, func(r stream.Raw) bool { return r.Kind == kind })
			if !has && !touched {
				t.Errorf("without block %d (%s): no %s", i, kindsOf(b.whole), kind)
			}
		}
	}
}

// A stream that is an asset of another one stays an asset.
func TestSalvageStreamInAsset(t *testing.T) {
	inner := write(t, layouts["one block"], sample(t)...)
	records := []any{header(), &stream.Plan{}, &stream.Project{Name: "p", Workspace: "w"}}
	for _, key := range []string{"outer1", "outer2", "outer3"} {
		group := experiment(t, key, "w", "p", func(*stream.Experiment) {})
		asset := []any{
			&stream.Asset{ID: "s", Doc: doc(t, `{}`), Name: new("x.comet.zst")},
			&stream.Chunk{Data: inner}, &stream.AssetEnd{},
		}
		records = append(records, slices.Insert(group, len(group)-1, asset...)...)
	}
	data := plainBlocks(t, read(t, write(t, stream.WriterOptions{}, records...)))
	at := bytes.Index(data, inner)
	if at < 0 {
		t.Fatal("the inner stream does not stand in the outer one as it is")
	}
	for _, offset := range []int{at - 80, at - 20, at - 2} { // in the label and the frame around it
		bad := bytes.Clone(data)
		bad[offset] ^= 1
		out, warnings, err := salvage(t, bad)
		if loss, ok := errors.AsType[*LossError](err); !ok || loss.Kept != 2 || loss.Lost != 1 {
			t.Errorf("%v, %q", err, warnings)
		}
		for key := range groups(read(t, out)) {
			if !strings.HasPrefix(key, "outer") {
				t.Errorf("experiment %s of the inner stream was salvaged", key)
			}
		}
	}
}

// plainBlocks writes each record in a block of its own that is not compressed.
func plainBlocks(t testing.TB, records []stream.Raw) []byte {
	t.Helper()
	var out []byte
	outside := true
	for i, r := range records {
		out = append(out, block(t, text(records[0], "id"), i, 1, outside, stream.KindSetOf(r.Kind), r.Data)...)
		switch r.Kind {
		case stream.KindExperiment, stream.KindArtifact, stream.KindModel:
			outside = false
		case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd:
			outside = true
		}
	}
	return out
}

func TestSalvageAborted(t *testing.T) {
	records := append(sample(t)[:40], &stream.Abort{Class: "server", Message: "503"})
	out, warnings, err := salvage(t, write(t, layouts["blocks of 300 bytes"], records...))
	if loss, ok := errors.AsType[*LossError](err); !ok || loss.Kept != 1 || loss.Lost != 1 || !errors.Is(err, stream.ErrAborted) {
		t.Errorf("%v, %q", err, warnings)
	}
	kept := groups(read(t, out))
	if len(kept) != 1 || kept["k1"] == nil {
		t.Errorf("kept %v", kept)
	}
}

func TestSalvageNothing(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello, world"), "zeros": make([]byte, 100_000),
	} {
		out, _, err := salvage(t, data)
		if err == nil || len(out) > 0 || !errors.Is(err, stream.ErrNotStream) && !errors.Is(err, stream.ErrCorrupt) {
			t.Errorf("%s: %v, %d bytes of output", name, err, len(out))
		}
	}
}

// What needs a newer reader is not salvaged as if it were of this version.
func TestSalvageNewer(t *testing.T) {
	for _, name := range []string{"version-label", "version-header", "version-requires"} {
		data, err := os.ReadFile("../../stream/testdata/" + name + ".comet.zst")
		if err != nil {
			t.Fatal(err)
		}
		for what, data := range map[string][]byte{"alone": data, "behind another": slices.Concat(write(t, layouts["one block"], sample(t)...), data)} {
			if out, warnings, err := salvage(t, data); !errors.Is(err, stream.ErrVersion) || len(out) > 0 {
				t.Errorf("%s %s: %v, %q, %d bytes of output", name, what, err, warnings, len(out))
			}
		}
	}
}

func TestSalvageOutputFails(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	data[len(data)/2] ^= 1
	full := errors.New("disk full")
	good, _, _ := salvage(t, data)
	for n := 0; n < len(good)-100; n += len(good) / 7 {
		err := Salvage(t.Context(), &failingWriter{n, full}, bytes.NewReader(data), Options{}, func(string, ...any) {})
		if !errors.Is(err, full) {
			t.Errorf("writer that fails after %d bytes: %v", n, err)
		}
	}
}
