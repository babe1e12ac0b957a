package contract

import (
	"bytes"
	"flag"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

var seed = flag.String("seed", "7", "what the random script begins with")

// What a random script logs is at the destination too: what getters say and the sums
// are equal, in the end of an import that was interrupted as well, a second import
// writes nothing, and a folder holds what it can.
func TestMixed(t *testing.T) {
	eachClient(t, func(t *testing.T, c client) {
		src, dst := start(t, comettest.Options{}), start(t, comettest.Options{})
		c.mixed(t, src, "mixed.py", *seed, "3")
		before := c.answers(t, src, src.URL())
		stream := tool(t, "comet-export", cli.Export, src, nil, workspace)
		broken(t, dst, stream[:len(stream)/2])
		tool(t, "comet-import", cli.Import, dst, stream, "--verify", workspace)
		for _, d := range differing(before, c.answers(t, dst, src.URL())) {
			t.Error(d)
		}
		sameSums(t, stream, tool(t, "comet-export", cli.Export, dst, nil, workspace))
		writesNothing(t, dst, stream, workspace)

		folder := filepath.Join(t.TempDir(), "extracted")
		filter(t, stream, "--extract", folder)
		kept := []string{"-x", "artifacts", "models", "links", "panels", "project"}
		sameSums(t, filter(t, stream, kept...), filter(t, filter(t, nil, "--from-dir", folder), kept...))
		writesNothing(t, dst, nil, "-d", folder)
	})
}

// mixed runs a script whose calls may be refused, by the SDK or with a status of the
// 400s, but which must end.
func (c client) mixed(t *testing.T, srv *comettest.Server, script string, args ...string) {
	t.Helper()
	o := c.run(t, srv, script, args...)
	if o.err != nil {
		t.Fatalf("%s: %v\n%s", script, o.err, o.output)
	}
	for _, e := range o.events {
		if e.Kind == "thread" {
			t.Errorf("%s: %s", script, e.Text)
		}
	}
	for _, r := range o.calls {
		if r.Status >= 500 {
			t.Errorf("%s: %d %s %s?%s", script, r.Status, r.Method, r.Path, r.Query)
		}
	}
	t.Logf("%-14s %4d calls in %v", script, len(o.calls), o.took)
}

// answers is read for a workspace that may lack any kind of thing.
func (c client) answers(t *testing.T, srv *comettest.Server, origin string) map[string]string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "answers")
	c.mixed(t, srv, "read.py", out)
	return readAnswers(t, out, origin)
}

// broken imports the beginning of a stream, which must fail.
func broken(t *testing.T, dst *comettest.Server, part []byte) {
	t.Helper()
	t.Setenv("COMET_API_KEY", comettest.DefaultAPIKey)
	var stdout, stderr bytes.Buffer
	code := cli.Main("comet-import", cli.Import, cli.IO{Stdin: bytes.NewReader(part), Stdout: &stdout, Stderr: &stderr},
		[]string{"--progress", "none", "--url", dst.ClientlibURL(), workspace})
	if code == cli.ExitOK {
		t.Errorf("half a stream is imported with exit code 0:\n%s", stderr.String())
	}
}

// sameSums compares two streams by their sums.
func sameSums(t *testing.T, want, got []byte) {
	t.Helper()
	sums := func(stream []byte) map[string]int {
		lines := make(map[string]int)
		for line := range strings.Lines(string(filter(t, stream, "--sum"))) {
			lines[line]++
		}
		return lines
	}
	a, b := sums(want), sums(got)
	if len(a) == 0 {
		t.Error("there are no sums")
	}
	if !maps.Equal(a, b) {
		t.Errorf("sums (-want +got):\n%s", gocmp.Diff(a, b))
	}
}

// writesNothing imports what is there.
func writesNothing(t *testing.T, dst *comettest.Server, stream []byte, args ...string) {
	t.Helper()
	before := len(dst.Requests())
	tool(t, "comet-import", cli.Import, dst, stream, args...)
	for _, r := range dst.Requests()[before:] {
		if strings.Contains(r.Path, "/write/") || strings.Contains(r.Path, "/batch/") || strings.Contains(r.Path, "upload") {
			t.Errorf("an import of what is there writes: %s %s", r.Method, r.Path)
		}
	}
}
