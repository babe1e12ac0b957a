package contract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

const (
	workspace = "team"
	project   = "digits"
)

// A client is a Python with an SDK.
type client struct {
	python  string
	version string // of comet_ml, or of cometx
}

// clients returns the Pythons of COMET_SDK_PYTHON. It skips the test if there are
// none.
func clients(t *testing.T) []client {
	t.Helper()
	list := filepath.SplitList(os.Getenv("COMET_SDK_PYTHON"))
	if len(list) == 0 {
		t.Skip("COMET_SDK_PYTHON names no Python with comet_ml: make contract makes two")
	}
	var found []client
	for _, python := range list {
		out, err := exec.CommandContext(t.Context(), python, "-c", "from importlib.metadata import version; print(version('comet_ml'))").Output()
		if err != nil {
			t.Fatalf("COMET_SDK_PYTHON: %s: %v", python, err)
		}
		found = append(found, client{python, strings.TrimSpace(string(out))})
	}
	return found
}

// withCometx returns the Python of COMET_COMETX_PYTHON, whose SDK is the one that
// cometx works with. It skips the test if there is none.
func withCometx(t *testing.T) client {
	t.Helper()
	python := os.Getenv("COMET_COMETX_PYTHON")
	if python == "" {
		t.Skip("COMET_COMETX_PYTHON names no Python with cometx: make contract-full makes one")
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", "from importlib.metadata import version; print(version('cometx'))").Output()
	if err != nil {
		t.Fatalf("COMET_COMETX_PYTHON: %s: %v", python, err)
	}
	return client{python, strings.TrimSpace(string(out))}
}

// eachClient runs a test for each client.
func eachClient(t *testing.T, f func(t *testing.T, c client)) {
	for _, c := range clients(t) {
		t.Run(c.version, func(t *testing.T) { f(t, c) })
	}
}

// start returns a server that remembers every request.
func start(t testing.TB, opts comettest.Options) *comettest.Server {
	opts.Workspaces = append(opts.Workspaces, workspace)
	opts.RequestLog = 100_000
	opts.Keys = []comettest.Key{{
		Key: comettest.DefaultAPIKey, User: comettest.DefaultUser, Email: "alice@example.com", Admin: true, DefaultWorkspace: workspace,
	}}
	return comettest.Start(t, opts)
}

// An event is something that the scripts report: a message of the SDK that is at
// least a warning, a thread that has died, a check that failed, a connection to
// another host.
type event struct {
	Kind, Text, Script string
}

// outcome is what a run of a script has shown.
type outcome struct {
	script string
	err    error // nil if it ended well
	output string
	events []event
	calls  []comettest.Request
	took   time.Duration
}

// run runs a script in a directory of its own against a server.
func (c client) run(t *testing.T, srv *comettest.Server, script string, args ...string) outcome {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("scripts", script))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	events := filepath.Join(t.TempDir(), "events")
	cmd := exec.CommandContext(t.Context(), c.python, append([]string{path}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(c.python) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8",
		"PYTHONPATH=" + filepath.Dir(path), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1",
		"COMET_URL_OVERRIDE=" + srv.ClientlibURL(), "COMET_API_KEY=" + comettest.DefaultAPIKey,
		"COMET_ERROR_TRACKING_ENABLE=false", "COMET_DISABLE_ANNOUNCEMENT=1",
		"CONTRACT_EVENTS=" + events, "CONTRACT_WORKSPACE=" + workspace, "CONTRACT_PROJECT=" + project,
	}
	srv.ResetStats()
	began := time.Now()
	output, err := cmd.CombinedOutput()
	return outcome{script, err, string(output), readEvents(t, events), srv.Requests(), time.Since(began)}
}

func readEvents(t *testing.T, path string) []event {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return []event{{Kind: "start", Text: "the script has not come as far as the SDK"}}
	}
	if err != nil {
		t.Fatal(err)
	}
	var list []event
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// faults are what the SDK did not expect in a run, and is not on a list.
func (o outcome) faults() []string {
	var list []string
	if o.err != nil {
		list = append(list, fmt.Sprintf("%s: %v\n%s", o.script, o.err, o.output))
	}
	for _, e := range o.events {
		if !slices.ContainsFunc(expectedEvents, func(x expected) bool { return x.matches(o.script, e.Kind+": "+e.Text) }) {
			list = append(list, fmt.Sprintf("%s: %s: %s", o.script, e.Kind, e.Text))
		}
	}
	for _, r := range o.calls {
		call := fmt.Sprintf("%d %s %s", r.Status, r.Method, r.Path)
		if r.Status >= 300 && !slices.ContainsFunc(expectedRefusals, func(x expected) bool { return x.matches(o.script, call) }) {
			list = append(list, fmt.Sprintf("%s: %s?%s", o.script, call, r.Query))
		}
	}
	return list
}

// must fails the test if a run has faults, and logs how many calls it made.
func (o outcome) must(t *testing.T) outcome {
	t.Helper()
	for _, f := range o.faults() {
		t.Error(f)
	}
	endpoints := make(map[string]bool)
	for _, r := range o.calls {
		endpoints[r.Method+" "+r.Path] = true
	}
	t.Logf("%-14s %4d calls of %3d paths in %v", o.script, len(o.calls), len(endpoints), o.took.Round(time.Millisecond))
	return o
}
