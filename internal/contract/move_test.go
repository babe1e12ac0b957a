package contract

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// tool runs one of the tools, on a server if it is not nil, which must end well: nothing is missing
// but the parts of 3D scenes, which no client reads (docs/fidelity.md).
func tool(t *testing.T, name string, f func(context.Context, cli.IO, []string) error, srv *comettest.Server, stdin []byte, args ...string) []byte {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(comettest.DefaultAPIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if srv != nil {
		args = append([]string{"--api-key-file", key, "--url", srv.ClientlibURL()}, args...)
	}
	args = append([]string{"--progress", "none"}, args...)
	var stdout, stderr bytes.Buffer
	code := cli.Main(name, f, cli.IO{Stdin: bytes.NewReader(stdin), Stdout: &stdout, Stderr: &stderr}, args)
	missing := 0
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, ": skipped: ") && !strings.Contains(line, "part of a 3D scene") {
			missing++
		}
	}
	if missing > 0 || code != cli.ExitOK && code != cli.ExitIncomplete {
		t.Fatalf("%s: exit code %d\n%s", name, code, stderr.String())
	}
	t.Logf("%s:\n%s", name, strings.TrimSpace(stderr.String()))
	return stdout.Bytes()
}

// move moves the workspace from one server to another.
func move(t *testing.T, src, dst *comettest.Server) {
	t.Helper()
	stream := tool(t, "comet-export", cli.Export, src, nil, workspace)
	tool(t, "comet-import", cli.Import, dst, stream, "--verify", workspace)
}
