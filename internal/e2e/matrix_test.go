package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Nothing is believed that was not said: whatever one call is answered with, once
// or always, the result is that of an undisturbed run, or what is missing is
// named and the exit code says so. The calls are those that an undisturbed run
// makes, so that a new one is in it by itself.

// matrixModes are the servers that a matrix is run against. Of all but the first,
// only the routes are taken that are new, or have a part in what is done instead.
var matrixModes = []struct {
	name  string
	moods comettest.Moods
	seed  func(*comettest.Server)
	also  []string
}{
	{name: "new", seed: seedMatrix},
	{name: "old", moods: comettest.Moods{Version: "3.19.0"}, seed: seedMatrix, also: []string{"GET /api/rest/v2/experiment/system-details"}},
	{
		name: "thinned", moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap, FullMetricFiles: "typed"}, seed: seedLong,
		also: []string{"GET /api/rest/v2/experiment/asset/list", "GET /api/rest/v2/experiment/asset/get-asset"},
	},
}

// seedLong fills a workspace with a metric of more points than a server lists.
func seedLong(s *comettest.Server) {
	s.SeedExperiment("lab", "p", comettest.ExperimentSpec{
		Key: fmt.Sprintf("%032x", 0xabc0), Start: 1700000000000, End: 1700000009000,
		Synthetic: []comettest.SyntheticMetric{{Name: "loss", Seed: 1, N: comettest.DefaultMetricCap + 10, Start: 1700000000000}},
	})
}

// seedMatrix fills a workspace with little, of every kind.
func seedMatrix(s *comettest.Server) {
	const w = "lab"
	at := func(n int64) *int64 { return &n }
	text := func(s string) *string { return &s }
	s.SeedProject(w, "p", comettest.ProjectSpec{Description: text("about"), Notes: "# Notes\n", ShareLinks: 2})
	var keys []string
	for i := range 2 {
		keys = append(keys, s.SeedExperiment(w, "p", comettest.ExperimentSpec{
			Key: fmt.Sprintf("%032x", 0xabc0+i), Name: fmt.Sprint("run ", i), Start: 1700000000000 + int64(i), End: 1700000009000, FilePath: "/train.py",
			Archived: i == 1,
			Tags:     []string{"a", "b"}, Parameters: []comettest.Value{{Name: "lr", Value: "0.1"}, {Name: "n", Value: "3"}},
			Others: []comettest.Value{{Name: "set", Value: "x"}},
			Points: []comettest.MetricPoint{
				{Metric: "loss", Value: "0.5", Time: 1700000001000, Step: at(1)}, {Metric: "loss", Value: "0.4", Time: 1700000002000, Step: at(2)},
				{Metric: "acc", Value: "0.9", Time: 1700000002000}, {Metric: "sys.cpu.percent.avg", Value: "7", Time: 1700000002000},
			},
			HTML: text("<b>html</b>"), Code: text("print()"), Graph: text("graph"), Output: []string{"line 1\n", "line 2\n"},
			Git:      &comettest.GitSpec{User: text("u"), Branch: text("main")},
			GitPatch: zipOf("git_diff.patch", "diff --git a/x b/x\n"),
			System:   map[string]any{"hostname": "box", "installedPackages": []string{"numpy==1.0"}},
			Assets: []comettest.AssetSpec{
				{ID: fmt.Sprintf("a%031x", i), Name: "data.csv", Body: []byte("a,b\n1,2\n")},
				{ID: fmt.Sprintf("b%031x", i), Name: "m.bin", Type: "model-element", Model: "cnn", Body: []byte("weights")},
				{ID: fmt.Sprintf("c%031x", i), Name: "far", Link: "s3://bucket/far"},
			},
		}))
	}
	s.SeedProject(w, "q", comettest.ProjectSpec{})
	s.SeedExperiment(w, "q", comettest.ExperimentSpec{Key: fmt.Sprintf("%032x", 0xdef0), Name: "other", Start: 1700000000000, End: 1700000009000})
	s.SeedLink(keys[0], "q")
	s.SeedArtifact(w, comettest.ArtifactSpec{Name: "set", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{{
		Version: "1.0.0", Producer: keys[0], Consumers: keys[1:],
		Files: []comettest.AssetSpec{{ID: fmt.Sprintf("f%031x", 0), Name: "train.csv", Body: []byte("1,2\n3,4\n5,6\n")}},
	}}})
	s.SeedRegistryModel(w, comettest.RegistrySpec{Name: "cnn", Notes: "# Model\n", Versions: []comettest.RegistryVersionSpec{
		{Version: "1.0.0", Experiment: keys[0], Model: "cnn", Stages: []string{"prod"}, Status: "Production", Metadata: map[string]any{"x": 1}},
	}})
	s.SeedPanel(w, "Scatter", "print()\n")
	s.SeedView(w, "p", "", "Overview", nil)
	s.SeedExperimentView(w, "p", keys[0], "Page", nil)
}

// matrixServer returns a server that is seeded for a matrix.
func matrixServer(t testing.TB, moods comettest.Moods, seed func(*comettest.Server)) *instance {
	src := start(t, comettest.Options{Workspaces: []string{"lab"}, Moods: moods})
	seed(src.Server)
	return src
}

// exportOver runs comet-export over a network.
func exportOver(n *oddNetwork, src *instance, args ...string) result {
	var stdout, stderr bytes.Buffer
	args = append(flagsOf(src), args...)
	code := cli.Main("comet-export", cli.Export, cli.IO{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Client: n.use}, args)
	return result{tool: "comet-export", args: args, code: code, stdout: stdout.Bytes(), stderr: stderr.String()}
}

// matrixCell is one run of a matrix.
type matrixCell struct {
	route    string
	odd      *oddAnswer
	from, to int
}

func (c matrixCell) String() string {
	when := "always"
	if c.to > 0 {
		when = fmt.Sprintf("at %d to %d", c.from, c.to)
	}
	return fmt.Sprintf("%s: %s %s", c.route, c.odd.name, when)
}

// leadsElsewhere reports whether a command has said that the address is wrong, since it
// leads elsewhere.
func (c matrixCell) leadsElsewhere(r result) bool {
	return r.code == cli.ExitUsage && strings.HasPrefix(c.odd.name, "redirect")
}

// matrixCells returns the cells for the routes of an undisturbed run: each with
// every answer, to one request and to all; and the whole server for some requests
// in a row.
func matrixCells(routes map[string]int, rng *rand.Rand) []matrixCell {
	var cells []matrixCell
	total := 0
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		n := routes[route]
		total += n
		for i := range oddAnswers {
			once := 1 + rng.IntN(n)
			cells = append(cells, matrixCell{route, &oddAnswers[i], once, once}, matrixCell{route, &oddAnswers[i], 1, 0})
		}
	}
	for i := range oddAnswers {
		from := 1 + rng.IntN(total)
		cells = append(cells, matrixCell{"", &oddAnswers[i], from, from + 25})
	}
	slices.SortFunc(cells, func(a, b matrixCell) int { return strings.Compare(a.String(), b.String()) })
	return cells
}

// matrixSample is how many of the cells a plain run takes: with the race detector
// fewer.
func matrixSample(cells []matrixCell, rng *rand.Rand) []matrixCell {
	n := len(cells)
	switch {
	case os.Getenv("COMET_STREAM_TORTURE") != "":
	case underRace, testing.Short():
		n = 60
	}
	rng.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	return cells[:min(n, len(cells))]
}

// matrixSeed returns the source of what a matrix draws, and logs the seed that
// repeats it.
func matrixSeed(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("COMET_STREAM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("COMET_STREAM_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestReadMatrix exports a workspace with every read answered in every odd way.
func TestReadMatrix(t *testing.T) {
	rng := matrixSeed(t)
	known := make(map[string]bool)
	for _, mode := range matrixModes {
		t.Run(mode.name, func(t *testing.T) {
			src := matrixServer(t, mode.moods, mode.seed)
			plain := &oddNetwork{server: src.Server}
			want := contentOf(t, exportOver(plain, src, "lab").want(t, cli.ExitOK).stdout)
			routes := make(map[string]int)
			for route, n := range plain.routes {
				if !known[route] || slices.Contains(mode.also, route) {
					routes[route] = n
				}
				known[route] = true
			}
			all := matrixCells(routes, rng)
			cells := matrixSample(all, rng)
			var equal, told, ended atomic.Int64
			run := func(c matrixCell) {
				n := &oddNetwork{server: src.Server, route: c.route, odd: c.odd, from: c.from, to: c.to}
				r := exportOver(n, src, "lab")
				if c.leadsElsewhere(r) {
					ended.Add(1)
					return
				}
				for _, problem := range judgeCell(t, want, want, r) {
					t.Errorf("%s: exit %d: %s\n%s", c, r.code, problem, r.stderr)
				}
				switch r.code {
				case cli.ExitOK:
					equal.Add(1)
				case cli.ExitIncomplete:
					told.Add(1)
				default:
					ended.Add(1)
				}
			}
			inParallel(cells, run)
			t.Logf("%d routes × %d answers × {once, always}: %d of %d cells run; %d equal to an undisturbed run, %d named what is missing, %d ended with an error",
				len(routes), len(oddAnswers), len(cells), len(all), equal.Load(), told.Load(), ended.Load())
		})
	}
}

// inParallel calls f for each of the list, a few at a time.
func inParallel[T any](list []T, f func(T)) {
	var wait sync.WaitGroup
	next := make(chan T)
	for range 4 {
		wait.Go(func() {
			for x := range next {
				f(x)
			}
		})
	}
	for _, x := range list {
		next <- x
	}
	close(next)
	wait.Wait()
}

// judgeCell returns what is wrong with the end of an export, that of an
// undisturbed one being want, and all that the source has in its scope being all.
func judgeCell(t testing.TB, want, all *contents, r result) (problems []string) {
	switch r.code {
	case cli.ExitOK, cli.ExitIncomplete, cli.ExitServer, cli.ExitDenied:
	default:
		return []string{"no such exit code is foreseen"}
	}
	if len(r.stdout) == 0 {
		if r.code != cli.ExitServer && r.code != cli.ExitDenied {
			problems = append(problems, "there is no stream")
		}
		return problems
	}
	got := contentOf(t, r.stdout)
	for f, n := range got.facts {
		if n > all.facts[f] {
			problems = append(problems, "not what the source has: "+f.String())
		}
	}
	if got.aborted {
		if r.code == cli.ExitOK || r.code == cli.ExitIncomplete {
			problems = append(problems, "aborted, and the exit code does not say so")
		}
		return problems
	}
	if r.code != cli.ExitOK && r.code != cli.ExitIncomplete {
		problems = append(problems, "the stream looks complete")
	}
	for f, n := range want.facts {
		if n <= got.facts[f] {
			continue
		}
		named := false
		for _, s := range got.skipped {
			named = named || covers(s, f)
		}
		switch {
		case r.code == cli.ExitOK:
			problems = append(problems, "lost: "+f.String())
		case !named:
			problems = append(problems, "lost unnamed: "+f.String())
		}
	}
	if len(got.skipped) > 0 && r.code == cli.ExitOK {
		problems = append(problems, "something is skipped, and the exit code does not say so")
	}
	slices.Sort(problems)
	return problems
}

// TestNightlyMatrix exports what has changed since an archive, with every read that
// has a part in the choice answered in every odd way: what has changed is not taken
// for unchanged, nor what is there for gone.
func TestNightlyMatrix(t *testing.T) {
	rng := matrixSeed(t)
	const gone = "0000000000000000000000000000abc7"
	for _, mode := range []struct {
		name           string
		moods          comettest.Moods
		choice, unlike []string // of both exports, of the night alone
	}{
		{"new", comettest.Moods{}, nil, nil},
		{"checked again", comettest.Moods{StatelessListing: true}, nil, []string{"--recheck", "30%"}},
		{"old", comettest.Moods{Version: "3.19.0", ForcePages: 3}, nil, nil},
		{"tags", comettest.Moods{RepeatListing: true}, []string{"--tag", "a"}, nil},
	} {
		t.Run(mode.name, func(t *testing.T) {
			src := matrixServer(t, mode.moods, func(s *comettest.Server) {
				seedMatrix(s)
				for i := range 6 {
					s.SeedExperiment("lab", "p", comettest.ExperimentSpec{
						Key: fmt.Sprintf("%032x", 0xabc2+i), Start: 1700000000000, End: 1700000009000, Crashed: i == 0, Tags: []string{"a"},
						Points: []comettest.MetricPoint{{Metric: "loss", Value: "1", Time: 1700000001000}},
					})
				}
			})
			file := filepath.Join(t.TempDir(), "base")
			runExport(src, "-o", file, "lab").want(t, cli.ExitOK)
			growMatrix(t, src)
			change(t, src, "GET", "write/experiment/archive?experimentKey=0000000000000000000000000000abc4", "")
			change(t, src, "GET", "write/experiment/delete?experimentKey="+gone, "")
			args := slices.Concat([]string{"--changed-from", file}, mode.unlike, mode.choice, []string{"lab"})
			plain := &oddNetwork{server: src.Server}
			night := exportOver(plain, src, args...).want(t, cli.ExitOK)
			night.says(t, `no longer at the source: experiment "`+gone+`"`)
			want := contentOf(t, night.stdout)
			all := contentOf(t, exportOver(&oddNetwork{server: src.Server}, src, append(slices.Clone(mode.choice), "lab")...).want(t, cli.ExitOK).stdout)
			maps.DeleteFunc(plain.routes, func(route string, _ int) bool {
				return strings.Contains(route, "/experiment/") && !strings.HasSuffix(route, "/experiment/metadata") && !strings.HasSuffix(route, "/experiment/tags")
			})
			cells := importSample(matrixCells(plain.routes, rng), rng)
			var equal atomic.Int64
			inParallel(cells, func(c matrixCell) {
				n := &oddNetwork{server: src.Server, route: c.route, odd: c.odd, from: c.from, to: c.to}
				r := exportOver(n, src, args...)
				if c.leadsElsewhere(r) {
					return
				}
				problems := judgeCell(t, want, all, r)
				for _, line := range strings.Split(r.stderr, "\n") {
					if strings.Contains(line, "no longer at the source:") && !strings.HasSuffix(line, `: experiment "`+gone+`"`) {
						problems = append(problems, line)
					}
				}
				for _, problem := range problems {
					t.Errorf("%s: exit %d: %s\n%s", c, r.code, problem, r.stderr)
				}
				if r.code == cli.ExitOK {
					equal.Add(1)
				}
			})
			t.Logf("%d routes: %d cells run, %d with exit code 0", len(plain.routes), len(cells), equal.Load())
		})
	}
}
