package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// encode returns a record of any kind and body, as another version of the
// format may have it.
func encode(t *testing.T, kind stream.Kind, body map[string]any) stream.Raw {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(true)
	if err := enc.Encode([]any{string(kind), body}); err != nil {
		t.Fatal(err)
	}
	return stream.Raw{Kind: kind, Data: buf.Bytes()}
}

// rewrite writes the records of a stream again, each as f gives it.
func rewrite(t *testing.T, text []byte, f func(i int, raw stream.Raw) []stream.Raw) []byte {
	t.Helper()
	var out bytes.Buffer
	w := stream.NewWriter(&out, stream.WriterOptions{})
	records := rawRecords(t, text)
	for i, raw := range records[:len(records)-1] { // Close writes the trailer
		for _, r := range f(i, raw) {
			if err := writeCounted(w, r); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// writeCounted writes a record, the end of a group with the counts of what has
// been written of it.
func writeCounted(w *stream.Writer, raw stream.Raw) error {
	if raw.Kind != stream.KindExperimentEnd {
		return w.WriteRaw(raw)
	}
	end, err := raw.Decode()
	if err != nil {
		return err
	}
	return w.Write(end)
}

// Kinds and fields of a later version pass through the filter untouched; the
// import leaves them aside, says how many, and takes everything else.
func TestLaterVersion(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedMoody(src)
	plain := runExport(src, "src").want(t, cli.ExitOK).stdout
	extra := 0
	later := rewrite(t, plain, func(i int, raw stream.Raw) []stream.Raw {
		list := []stream.Raw{raw}
		if raw.Kind == stream.KindExperiment || raw.Kind == stream.KindExperimentEnd || raw.Kind == stream.KindMetrics {
			extra++
			list = append(list, encode(t, "comment", map[string]any{"text": "of a later version", "n": i}))
		}
		return list
	})
	if extra == 0 {
		t.Fatal("no record of a later version was added")
	}
	filtered := runFilter(later).want(t, cli.ExitOK).stdout
	sameRaw(t, later, filtered)
	runImport(dst, filtered, "dst").want(t, cli.ExitOK).says(t, "comment")
	sameMoody(t, src, dst)
}

// Fields that this version does not know do not disturb it.
func TestLaterFields(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedMoody(src)
	later := rewrite(t, runExport(src, "src").want(t, cli.ExitOK).stdout, func(i int, raw stream.Raw) []stream.Raw {
		if raw.Kind == stream.KindExperimentEnd {
			return []stream.Raw{raw}
		}
		return []stream.Raw{withField(t, raw, "zz_later", map[string]any{"a": []int{1, 2}})}
	})
	filtered := runFilter(later).want(t, cli.ExitOK).stdout
	sameRaw(t, later, filtered)
	runImport(dst, filtered, "dst").want(t, cli.ExitOK)
	sameMoody(t, src, dst)
}

// withField adds a field to the body of a record.
func withField(t *testing.T, raw stream.Raw, name string, value any) stream.Raw {
	t.Helper()
	var record []msgpack.RawMessage
	if err := msgpack.Unmarshal(raw.Data, &record); err != nil {
		t.Fatal(err)
	}
	var body map[string]msgpack.RawMessage
	if err := msgpack.Unmarshal(record[1], &body); err != nil {
		t.Fatal(err)
	}
	fields := make(map[string]any, len(body)+1)
	for k, v := range body {
		fields[k] = v
	}
	fields[name] = value
	return encode(t, raw.Kind, fields)
}

// A stream that requires what this version does not know is refused at once.
func TestRequiredFeature(t *testing.T) {
	later, err := os.ReadFile("../../stream/testdata/version-requires.comet.zst")
	if err != nil {
		t.Fatal(err)
	}
	dst := start(t, comettest.Options{Workspaces: []string{"dst"}})
	before := whole(dst)
	runImport(dst, later, "dst").want(t, cli.ExitInput).says(t, "requires")
	runFilter(later).want(t, cli.ExitInput).says(t, "requires")
	unchanged(t, "the destination", before, whole(dst))
	if n := writes(dst); len(n) > 0 {
		t.Errorf("refused after writing: %v", n)
	}
}

// The streams of testdata are of every version of the format so far, beside the
// state that an import of them must leave. They are kept forever: -update adds
// that of a new version, and never touches one that is there.
func TestKeptStreams(t *testing.T) {
	if *update {
		keepStream(t, "testdata/v1.0")
	}
	paths, err := filepath.Glob("testdata/*.comet.zst")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no kept streams (%v)", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dst := start(t, comettest.Options{Workspaces: []string{"team"}})
			runImport(dst, text).want(t, cli.ExitOK)
			want, err := os.ReadFile(strings.TrimSuffix(path, ".comet.zst") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := diff(string(want), keptState(t, dst)); diff != "" {
				t.Errorf("the state (-kept +now):\n%s", head(diff))
			}
			importAgain(t, dst, text)
		})
	}
}

// keepStream writes a stream, and the state that it leaves, if they are not
// there yet.
func keepStream(t *testing.T, name string) {
	if _, err := os.Stat(name + ".comet.zst"); err == nil {
		return
	}
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"team"}})
	seedFidelity(t, src)
	src.Delete(longKey)    // nothing but long
	src.Delete(runningKey) // ends when it is imported
	text := runExport(src, "team").want(t, cli.ExitOK).stdout
	runImport(dst, text).want(t, cli.ExitOK)
	for suffix, content := range map[string][]byte{".comet.zst": text, ".json": []byte(keptState(t, dst))} {
		if err := os.WriteFile(name+suffix, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// keptState is the state of the workspace team as text.
func keptState(t *testing.T, in *instance) string {
	t.Helper()
	text, err := json.MarshalIndent(workspaceState(in, "team"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// The streams on which readers of the format are tested are read to their end;
// what is odd in them is told, and fails no experiment.
func TestFormatStreams(t *testing.T) {
	paths, err := filepath.Glob("../../stream/testdata/good-*.comet.zst")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no streams (%v)", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			r := runImport(dst, text, "lab")
			if r.code != cli.ExitOK && r.code != cli.ExitIncomplete {
				t.Errorf("exit code %d\n%s", r.code, r.stderr)
			}
			if list := runFilter(text, "--list").want(t, cli.ExitOK).stdout; len(list) > 0 && !strings.Contains(r.stderr, " 0 failed") {
				t.Errorf("an experiment has failed\n%s", r.stderr)
			}
			sameRaw(t, text, runFilter(text).want(t, cli.ExitOK).stdout)
		})
	}
}
