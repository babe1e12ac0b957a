package scale

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// field is a source, a destination and the tools, for the scripts to run with, and a
// destination of one plain pipe to compare with.
type field struct {
	src, dst, plain *comettest.Server
	dir             string // where the shards are kept
	env             []string
}

// newField builds the tools and starts two servers. Each answer takes a moment, so
// that a task can be ended in the middle.
func newField(t *testing.T, programs ...string) *field {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the tools")
	}
	for _, p := range append(programs, "bash") {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "../../cmd/comet-export", "../../cmd/comet-filter", "../../cmd/comet-import")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Millisecond)
			next.ServeHTTP(w, r)
		})
	}
	f := &field{
		src:   comettest.Start(t, comettest.Options{Workspaces: []string{"acme"}, Middleware: slow}),
		dst:   comettest.Start(t, comettest.Options{Workspaces: []string{"lab"}, Middleware: slow}),
		plain: comettest.Start(t, comettest.Options{Workspaces: []string{"lab"}}),
		dir:   t.TempDir(),
	}
	seed(f.src)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "COMET_") && !strings.HasPrefix(v, "PATH=") && !strings.HasPrefix(v, "HOME=") {
			f.env = append(f.env, v)
		}
	}
	f.env = append(f.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir(),
		"COMET_EXPORT_API_KEY="+comettest.DefaultAPIKey, "COMET_EXPORT_URL_OVERRIDE="+f.src.ClientlibURL(),
		"COMET_IMPORT_API_KEY="+comettest.DefaultAPIKey, "COMET_IMPORT_URL_OVERRIDE="+f.dst.ClientlibURL())
	return f
}

// seed fills the workspace acme: what it has beside experiments refers to some of
// them, in whatever shard these are.
func seed(s *comettest.Server) {
	s.SeedProject("acme", "many", comettest.ProjectSpec{Notes: "notes", ShareLinks: 2})
	keys := s.SeedSynthetic(comettest.SyntheticSpec{Workspace: "acme", Project: "many", Experiments: 30, Metrics: 3, Points: 50, Assets: 2, AssetSize: 2000})
	for i, key := range keys[:5] {
		s.SeedArtifact("acme", comettest.ArtifactSpec{Name: fmt.Sprint("data", i), Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
			{Version: "1.0.0", Producer: key, Consumers: []string{keys[10+i]}}, {Version: "1.1.0", Producer: keys[20+i]},
		}})
	}
	s.SeedPanel("acme", "panel", "code")
	s.SeedView("acme", "many", "", "view", nil)
}

// run runs a command in the folder of the shards and returns its output.
func (f *field) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = f.dir, f.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// sums returns what a destination holds.
func (f *field) sums(t *testing.T, destination *comettest.Server) string {
	t.Helper()
	return f.run(t, "bash", "-c", `set -o pipefail
		COMET_EXPORT_URL_OVERRIDE=$0 comet-export lab 2>/dev/null | comet-filter --sum 2>/dev/null`, destination.ClientlibURL())
}

// moved compares the destination with that of one export and one import.
func (f *field) moved(t *testing.T) {
	t.Helper()
	f.run(t, "bash", "-c", "set -o pipefail; comet-export acme | COMET_IMPORT_URL_OVERRIDE=$0 comet-import lab", f.plain.ClientlibURL())
	want, got := f.sums(t, f.plain), f.sums(t, f.dst)
	if strings.Count(want, "\n") < 30 {
		t.Fatalf("only these sums:\n%s", want)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("sums of one pipe and of the shards:\n%s", diff)
	}
}

func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParallel(t *testing.T) {
	f := newField(t, "parallel")
	f.run(t, script(t, "parallel.sh"), "4", "acme", "lab", f.dir)
	f.moved(t)
}

// One listing for all tasks, which the scripts pass on.
func TestListed(t *testing.T) {
	f := newField(t, "parallel")
	list := filepath.Join(f.dir, "list")
	f.run(t, "bash", "-c", "comet-export -l acme/many >list")
	f.src.ResetStats()
	own := f.env
	f.env = append(slices.Clip(f.env), "COMET_EXPORT_KEYS_FROM="+list)
	f.run(t, script(t, "parallel.sh"), "4", "acme", "lab", f.dir)
	if n := f.src.Counts()["GET /api/rest/v2/experiments"]; n != 0 {
		t.Errorf("%d pages were listed in spite of the list", n)
	}
	f.env = own
	f.moved(t)
}

func TestSnakemake(t *testing.T) {
	f := newField(t, "snakemake")
	f.run(t, "snakemake", "--cores", "2", "--retries", "3", "--snakefile", script(t, "Snakefile"),
		"--config", "shards=4", "source=acme", "destination=lab")
	f.moved(t)
}

// The first task is requeued while its export is under way.
func TestSlurm(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("slurmd wants to be root")
	}
	f := newField(t, "slurmctld", "slurmd", "munged", "python3")
	out := f.run(t, script(t, "slurm.sh"), "4", "acme", "lab", f.dir)
	if !strings.Contains(out, "Restarts=1") {
		t.Errorf("no task was requeued:\n%s", out)
	}
	log, err := os.ReadFile(filepath.Join(f.dir, "shard.0.log"))
	if err != nil || !strings.Contains(string(log), "continuing ") {
		t.Errorf("the requeued task did not go on: %v\n%s", err, log)
	}
	f.moved(t)
}

// The Job holds to the schema of Kubernetes, and its exit codes are those of the tools.
func TestKubernetes(t *testing.T) {
	validate, err := exec.LookPath("kubernetes-validate")
	if err != nil {
		t.Skip("kubernetes-validate, of PyPI, is not installed")
	}
	out, err := exec.CommandContext(t.Context(), validate, "-k", "1.33", "--strict", "kubernetes.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
