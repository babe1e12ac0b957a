package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// inFiles writes streams to files and returns their names.
func inFiles(t *testing.T, streams ...[]byte) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for i, stream := range streams {
		name := filepath.Join(dir, fmt.Sprint(i, ".comet.zst"))
		if err := os.WriteFile(name, stream, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// joined returns the stream that files become.
func joined(t *testing.T, files ...string) []byte {
	t.Helper()
	stream := runFilter(nil, append([]string{"--join"}, files...)...).want(t, cli.ExitOK).stdout
	runFilter(stream, "--check").want(t, cli.ExitOK)
	return stream
}

// sortedRecords returns the records of a stream after its header, sorted.
func sortedRecords(t *testing.T, stream []byte) []string {
	t.Helper()
	lines := strings.Split(string(runFilter(stream, "--json").want(t, cli.ExitOK).stdout), "\n")
	return slices.Sorted(slices.Values(lines[1:]))
}

// Joined, the shards of an export are the records of one export, in any order of
// the files; an experiment that two of them have is there once.
func TestJoinShards(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	shards := exportShards(t, src, "team", 5)
	slices.Reverse(shards)
	all := joined(t, inFiles(t, shards...)...)
	sameSums(t, stream, all)
	if diff := diff(sortedRecords(t, stream), sortedRecords(t, all)); diff != "" {
		t.Errorf("records (-one export +joined):\n%s", head(diff))
	}
	if n := bytes.Count(runFilter(all, "--json").stdout, []byte(`{"kind":"header"`)); n != 1 {
		t.Errorf("%d headers", n)
	}
	// Twice the same is once, also from a file of several streams.
	again := joined(t, inFiles(t, all, bytes.Join(shards[:2], nil), stream)...)
	if diff := diff(sortedRecords(t, stream), sortedRecords(t, again)); diff != "" {
		t.Errorf("records (-one export +joined with itself):\n%s", head(diff))
	}
	dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(dst, all, "--verify", "lab").want(t, cli.ExitOK)
	sameSums(t, stream, runExport(dst, "lab").want(t, cli.ExitOK).stdout)
}

// Contradictions, and inputs that are not whole, are refused before anything is
// written.
func TestJoinRefused(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	before := runExport(src, "team/serve").want(t, cli.ExitOK).stdout
	src.Delete(fmt.Sprintf("%032d", 3))
	src.SeedExperiment("team", "serve", comettest.ExperimentSpec{Key: fmt.Sprintf("%032d", 3), Name: "another", Start: epoch + 3, End: epoch + 10_000})
	files := inFiles(t, before, runExport(src, "team/serve").want(t, cli.ExitOK).stdout, before[:len(before)-40])
	for _, test := range []struct {
		args []string
		code int
		says []string
	}{
		{files[:2], cli.ExitUsage, []string{`experiment "00000000000000000000000000000003": `, files[0] + " and " + files[1] + " have different records of it"}},
		{[]string{files[0], files[2]}, cli.ExitInput, []string{files[2] + ": "}},
		{nil, cli.ExitUsage, []string{"--join without a file"}},
		{[]string{"--key", "k", files[0]}, cli.ExitUsage, []string{"no flag that selects"}},
		{[]string{"-i", files[0], files[1]}, cli.ExitUsage, []string{"as arguments"}},
		{[]string{"--sum", files[0]}, cli.ExitUsage, []string{"exclude each other"}},
		{[]string{files[0] + "x"}, cli.ExitUsage, []string{"no such file"}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		runFilter(nil, append([]string{"--join", "-o", out}, test.args...)...).want(t, test.code).says(t, test.says...)
		for _, name := range []string{out, out + ".partial"} {
			if _, err := os.Stat(name); err == nil {
				t.Errorf("%q leaves %s", test.args, name)
			}
		}
	}
}
