package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// An importScene is an import that a matrix disturbs.
type importScene struct {
	name   string
	moods  comettest.Moods
	before []byte // what the destination has been given, nil for nothing
	data   []byte
	args   []string
	code   int // of an undisturbed run

	// What an undisturbed run comes to.
	routes map[string]int
	state  *comettest.State
	facts  *contents
	issues []string
	// finished are the experiments that were there, and finished, before.
	finished map[string]bool
}

// memoryServer returns an empty destination that does not listen, and a function
// that ends it.
func memoryServer(t testing.TB, moods comettest.Moods, flags []string) (*instance, func()) {
	s, err := comettest.New(comettest.Options{Workspaces: []string{"lab"}, Moods: moods})
	if err != nil {
		t.Fatal(err)
	}
	return &instance{s, comettest.DefaultAPIKey, flags}, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// importOver runs comet-import over a network, and returns its report too.
func importOver(t testing.TB, n *oddNetwork, dst *instance, data []byte, args ...string) (result, []reported) {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("report-%d-%d", os.Getpid(), reports.Add(1)))
	defer os.Remove(file)
	var stderr bytes.Buffer
	args = append(append(flagsOf(dst), "--report", file), args...)
	code := cli.Main("comet-import", cli.Import, cli.IO{
		Stdin: bytes.NewReader(data), Stdout: &stderr, Stderr: &stderr, Client: n.use,
		Import: func(o *importer.Options) { inParts(o); o.Settle = time.Microsecond },
	}, args)
	r := result{tool: "comet-import", args: args, code: code, stderr: stderr.String()}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	var lines []reported
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var line reported
		if err := dec.Decode(&line); err != nil {
			t.Errorf("report: %v", err)
			break
		}
		lines = append(lines, line)
	}
	return r, lines
}

var reports atomic.Int64

// reported is a line of a report, as far as it names what is missing.
type reported struct {
	Kind, Key, Workspace, Project, Name, Error string
	Issues                                     []report.Issue
}

// names reports whether a line of a report names a fact as not in order.
func (l *reported) names(f fact) bool {
	if l.Error != "" && l.about(f) {
		return true
	}
	for _, i := range l.Issues {
		if i.Class != report.Noted && l.aboutItem(f, i) {
			return true
		}
	}
	return false
}

// about reports whether a line of a report is about what a fact belongs to.
func (l *reported) about(f fact) bool {
	artifact, _, _ := strings.Cut(f.in, ":")
	switch l.Kind {
	case "experiment":
		return f.owner == l.Key || f.name == l.Key || f.id == l.Key
	case "project":
		return f.owner == l.Workspace+"/"+l.Project && f.in == ""
	case "artifact":
		return (f.kind == stream.KindArtifact || f.kind == stream.KindArtifactVersion || f.kind == stream.KindAsset) && artifact == l.Name ||
			f.kind == stream.KindLineage && strings.HasPrefix(f.name, l.Name+":")
	case "model":
		return (f.kind == stream.KindModel || f.kind == stream.KindModelVersion) && strings.HasPrefix(f.name, l.Name)
	case "link":
		return f.kind == stream.KindLink && f.name == l.Key
	}
	return l.Kind == string(f.kind) && (l.Name == "" || l.Name == f.name)
}

// aboutItem reports whether an issue of the line is about a fact.
func (l *reported) aboutItem(f fact, i report.Issue) bool {
	if !l.about(f) && !(i.Kind == string(f.kind) && f.kind == stream.KindAsset) {
		return false
	}
	switch {
	case f.kind == stream.KindArtifact, f.kind == stream.KindModel:
		return true // it comes into being with its first version
	case i.Kind == string(f.kind):
		return i.Name == "" || i.Name == f.name || i.ID == f.id || i.ID == f.name || strings.HasPrefix(i.Name, f.name)
	case i.Kind == "tags":
		return f.name == "tags"
	case i.Kind == "share links", i.Kind == "description", i.Kind == "visibility":
		return f.kind == stream.KindProject
	case i.Kind == "artifact-version":
		return f.in == i.Name
	case slices.Contains([]string{"state", "times", "start time", "end time", "archived", "file path"}, i.Kind):
		return f.kind == stream.KindExperiment
	}
	return false
}

// settle finds out what an undisturbed run of a scene comes to.
func (s *importScene) settle(t testing.TB, flags []string) {
	dst, end := s.destination(t, flags)
	defer end()
	s.finished = make(map[string]bool)
	for _, w := range dst.State(portable).Workspaces {
		for _, p := range w.Projects {
			for _, e := range p.Experiments {
				s.finished[e.Key] = true
			}
		}
	}
	n := &oddNetwork{server: dst}
	r, lines := importOver(t, n, dst, s.data, s.args...)
	if r.code != s.code {
		t.Fatalf("%s, undisturbed: exit code %d, want %d\n%s", s.name, r.code, s.code, r.stderr)
	}
	s.routes, s.state, s.facts, s.issues = n.routes, stateOfScene(dst), factsOf(t, dst), issuesOf(lines)
}

// issuesOf returns what a report says is not in order.
func issuesOf(lines []reported) (list []string) {
	for _, l := range lines {
		for _, i := range l.Issues {
			if i.Class != report.Noted {
				list = append(list, fmt.Sprintf("%s %s %s: %s %s %q %q", l.Kind, l.Key, l.Name, i.Class, i.Kind, i.Name, i.ID))
			}
		}
	}
	return list
}

// destination returns a destination as it is before the import of a scene.
func (s *importScene) destination(t testing.TB, flags []string) (*instance, func()) {
	dst, end := memoryServer(t, s.moods, flags)
	if s.before != nil {
		if r, _ := importOver(t, &oddNetwork{server: dst}, dst, s.before); r.code != cli.ExitOK && r.code != s.code {
			t.Fatalf("%s, before: exit code %d\n%s", s.name, r.code, r.stderr)
		}
	}
	return dst, end
}

func stateOfScene(dst *instance) *comettest.State {
	s := dst.State(portable)
	for _, w := range s.Workspaces {
		for i := range w.Projects {
			asImported(&w.Projects[i])
		}
	}
	return s
}

// factsOf returns what an export says of an instance.
func factsOf(t testing.TB, in *instance) *contents {
	r := exportOver(&oddNetwork{server: in}, in, "lab")
	if r.code != cli.ExitOK {
		t.Fatalf("export: exit code %d\n%s", r.code, r.stderr)
	}
	c := contentOf(t, r.stdout)
	facts := make(map[fact]int)
	for f, n := range c.facts {
		switch f.kind {
		case stream.KindArtifact, stream.KindArtifactVersion, stream.KindModel, stream.KindModelVersion, stream.KindPanel:
			f.id = "" // the server's own
		}
		f.sum = ""
		facts[f] += n
	}
	c.facts = facts
	return c
}

// run runs one cell of a scene and returns what is wrong with its end, and with
// that of an undisturbed run after it.
func (s *importScene) run(t testing.TB, cell matrixCell, flags []string) (problems []string, talk string) {
	dst, end := s.destination(t, flags)
	defer end()
	n := &oddNetwork{server: dst, route: cell.route, odd: cell.odd, from: cell.from, to: cell.to}
	r, lines := importOver(t, n, dst, s.data, s.args...)
	talk = r.stderr
	equal := diff(s.state, stateOfScene(dst)) == ""
	switch r.code {
	case cli.ExitOK:
		if s.code != cli.ExitOK {
			problems = append(problems, fmt.Sprintf("exit 0 in place of %d", s.code))
		}
		if !equal {
			problems = append(problems, "exit 0, and it is not what an undisturbed run makes:\n"+head(diff(s.state, stateOfScene(dst))))
		}
	case cli.ExitIncomplete, cli.ExitDiffers:
		if r.code == cli.ExitDiffers && len(s.args) == 0 {
			problems = append(problems, "exit 7 without a verification")
		}
		have := factsOf(t, dst)
		for f, n := range s.facts.facts {
			if have.facts[f] < n && !slices.ContainsFunc(lines, func(l reported) bool { return l.names(f) }) {
				problems = append(problems, "missing, and not named: "+f.String())
			}
		}
		for _, i := range s.issues {
			if !slices.Contains(issuesOf(lines), i) && !slices.ContainsFunc(lines, func(l reported) bool { return l.Error != "" }) {
				problems = append(problems, "no more told: "+i)
			}
		}
		if equal && !slices.ContainsFunc(lines, func(l reported) bool { return len(l.Issues) > 0 || l.Error != "" }) {
			problems = append(problems, "nothing is named")
		}
	case cli.ExitServer, cli.ExitDenied:
	case cli.ExitUsage:
		if !cell.leadsElsewhere(r) {
			problems = append(problems, "exit 2, and not for an address that leads elsewhere")
		}
	default:
		problems = append(problems, fmt.Sprintf("exit code %d is not foreseen", r.code))
	}
	for _, e := range s.running(dst) {
		// Unless to say that it has ended is what does not work, or nothing does.
		if cell.route != "" && (cell.to > 0 || !strings.HasSuffix(cell.route, "status-report/update")) {
			problems = append(problems, "was finished, and is left running: "+e)
		}
	}
	if s.reads() {
		return problems, talk
	}
	again, _ := importOver(t, &oddNetwork{server: dst}, dst, s.data, s.args...)
	talk += "--- once more ---\n" + again.stderr
	if again.code != s.code {
		problems = append(problems, fmt.Sprintf("exit code %d of an undisturbed run after it", again.code))
	}
	if d := diff(s.state, stateOfScene(dst)); d != "" {
		problems = append(problems, "an undisturbed run after it does not mend it:\n"+head(d))
	}
	return problems, talk
}

// running returns the keys of the experiments that were finished before the
// import and run after it.
func (s *importScene) running(dst *instance) (keys []string) {
	if s.before == nil {
		return nil
	}
	for key := range s.finished {
		if e := dst.State(portable).Experiment(key); e == nil || e.Running {
			keys = append(keys, key)
		}
	}
	return keys
}

// reads reports whether the scene writes nothing.
func (s *importScene) reads() bool { return slices.Contains(s.args, "--verify-only") }

// done returns an odd answer in whose place the server has done what it was asked
// for.
func (o *oddAnswer) done() *oddAnswer {
	return &oddAnswer{o.name + ", done", func(req *http.Request, truth func() *http.Response) *http.Response {
		truth()
		return o.give(req, truth)
	}}
}

// cells returns the cells of a scene: those of the matrix, and for writes those
// in which the server has done what it answers oddly to.
func (s *importScene) cells(rng *rand.Rand) []matrixCell {
	cells := matrixCells(s.routes, rng)
	for _, c := range slices.Clone(cells) {
		method, path, _ := strings.Cut(c.route, " ")
		if (method != http.MethodGet || strings.Contains(path, "/write/") || strings.HasSuffix(path, "artifacts/version")) && !notDone[c.odd.name] {
			c.odd = c.odd.done()
			cells = append(cells, c)
		}
	}
	return cells
}

// notDone are the answers that say that nothing was done: a refusal in the
// server's own form is believed. The others of them are made of the good one.
var notDone = map[string]bool{"404 JSON": true, "400 unknown code": true, "cut": true, "short": true, "longer": true, "gzip, damaged": true, "gzip, cut": true, "code 500 beside": true, "error code beside": true,
	"error beside": true, "error text beside": true, "error behind": true, "status error beside": true, "success false behind": true}

// importScenes returns the imports that are disturbed.
func importScenes(t testing.TB) []*importScene {
	src := matrixServer(t, comettest.Moods{KeepEndTime: true}, seedMatrix)
	first := exportOver(&oddNetwork{server: src}, src, "lab").want(t, cli.ExitOK).stdout
	growMatrix(t, src)
	second := exportOver(&oddNetwork{server: src}, src, "lab").want(t, cli.ExitOK).stdout
	answers := comettest.Moods{TakenKeys: "answer", ResumeRuns: true}
	old := comettest.Moods{Version: "3.19.0"}
	odd := comettest.Moods{TakenKeys: "answer", ResumeRuns: true, StatelessListing: true, FoldTags: true}
	many, was := manySource(t, nil), manySource(t, changeSome)
	return []*importScene{
		{name: "first", data: first},
		{name: "first, verified", data: first, args: []string{"--verify"}},
		{name: "again", before: first, data: first},
		{name: "grown", before: first, data: second},
		{name: "grown, verified", before: first, data: second, args: []string{"--verify"}},
		{name: "grown, resumed", moods: answers, before: first, data: second},
		{name: "first, old", moods: old, data: first, code: cli.ExitIncomplete},
		{name: "many again", before: many, data: many},
		{name: "many changed", before: was, data: many, code: cli.ExitIncomplete},
		{name: "many updated", moods: odd, before: was, data: many, args: []string{"--update"}},
		{name: "verify only", before: first, data: first, args: []string{"--verify-only"}},
		{name: "verify only, grown", before: first, data: second, args: []string{"--verify-only"}, code: cli.ExitDiffers},
	}
}

// manySource returns an export of so many experiments that an import once more has
// one answer stand for many of them, each changed by change.
func manySource(t testing.TB, change func(i int, e *comettest.ExperimentSpec)) []byte {
	src := matrixServer(t, comettest.Moods{KeepEndTime: true}, func(s *comettest.Server) {
		for i := range 9 {
			start := 1700000000000 + int64(i)*1000
			e := comettest.ExperimentSpec{
				Key: fmt.Sprintf("%032x", 0xabc0+i), Name: fmt.Sprint("run ", i), Start: start, End: start + 500, FilePath: "/train.py",
				Archived: i%4 == 3, Crashed: i == 8, Tags: []string{"all", fmt.Sprint("mod ", i%2)},
				Parameters: []comettest.Value{{Name: "lr", Value: fmt.Sprint(i), Time: start}, {Name: "n", Value: "3", Time: start}},
				Points:     []comettest.MetricPoint{{Metric: "loss", Value: "0.5", Time: start}},
				Assets:     []comettest.AssetSpec{{ID: fmt.Sprintf("a%031x", i), Name: "a.txt", Body: []byte("a")}},
			}
			if i%3 == 0 {
				e.Others = []comettest.Value{{Name: "set", Value: "x", Time: start}}
			}
			if change != nil {
				change(i, &e)
			}
			s.SeedExperiment("lab", "p", e)
		}
	})
	return exportOver(&oddNetwork{server: src}, src, "lab").want(t, cli.ExitOK).stdout
}

// changeSome makes of many experiments what a destination has in another way, or
// lacks.
func changeSome(i int, e *comettest.ExperimentSpec) {
	switch i {
	case 0:
		e.Tags = []string{"all"}
	case 1:
		e.Tags, e.Points = nil, nil
	case 2:
		e.Parameters = e.Parameters[:1]
	case 3:
		e.Parameters, e.Others = []comettest.Value{{Name: "lr", Value: "7", Time: e.Start}}, nil
	case 4:
		e.Assets = nil
	case 5:
		e.End += 10
	case 6:
		e.Archived, e.Name = true, "another"
	}
}

// growMatrix adds to each kind of thing that a matrix has.
func growMatrix(t testing.TB, src *instance) {
	const rest = "api/rest/v2/"
	key := fmt.Sprintf("%032x", 0xabc0)
	for path, body := range map[string]any{
		"write/experiment/tags":      map[string]any{"addedTags": []string{"c"}},
		"write/experiment/parameter": map[string]any{"parameterName": "depth", "parameterValue": "4", "timestamp": int64(1700000003000)},
		"write/experiment/log-other": map[string]any{"key": "late", "value": "y", "timestamp": int64(1700000003000)},
		"write/experiment/metric":    map[string]any{"metricName": "loss", "metricValue": 0.3, "step": 3, "timestamp": int64(1700000003000)},
		"write/experiment/output":    map[string]any{"outputLines": []any{map[string]any{"output": "line 3\n", "offset": 99, "localTimestamp": 1}}},
	} {
		body.(map[string]any)["experimentKey"] = key
		write(t, src, http.MethodPost, rest+path, body)
	}
	src.SeedExperiment("lab", "q", comettest.ExperimentSpec{
		Key: fmt.Sprintf("%032x", 0xdef1), Name: "new", Start: 1700000000000, End: 1700000009000, Crashed: true,
		Points: []comettest.MetricPoint{{Metric: "loss", Value: "1", Time: 1700000001000}},
		Assets: []comettest.AssetSpec{{ID: fmt.Sprintf("d%031x", 1), Name: "fig.png", Type: "image", Image: true, Body: []byte("png")}},
	})
	src.SeedLink(key, "r")
	src.SeedArtifact("lab", comettest.ArtifactSpec{Name: "later", Type: "model", Tags: []string{"t"}, Versions: []comettest.ArtifactVersionSpec{
		{Version: "1.0.0", Producer: key, Files: []comettest.AssetSpec{
			{ID: fmt.Sprintf("f%031x", 8), Name: "x", Type: "unknown", Body: []byte("x")}, {ID: fmt.Sprintf("f%031x", 9), Name: "far", Type: "unknown", Link: "s3://b/x"},
		}},
	}})
	src.SeedRegistryModel("lab", comettest.RegistrySpec{Name: "rnn", Versions: []comettest.RegistryVersionSpec{{Version: "1.0.0", Experiment: key, Model: "cnn"}}})
	src.SeedPanel("lab", "Lines", "print(1)\n")
	src.SeedView("lab", "p", "", "Second", nil)
}

// TestImportMatrixControl shows that each judgement of the matrix can go against
// an import: it has no way to see through a server that lies in its own words.
func TestImportMatrixControl(t *testing.T) {
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	scenes := make(map[string]*importScene)
	for _, s := range importScenes(t) {
		scenes[s.name] = s
	}
	saved := fixedAnswer("saved", 200, "application/json", `{"msg":"Saved","code":200,"data":null,"sdk_error_code":0}`)
	noCall := fixedAnswer("no such call", 404, "application/json", `{"msg":"HTTP 404 Not Found","code":404}`)
	const rest = "/api/rest/v2/"
	for _, tc := range []struct {
		scene, route string
		odd          *oddAnswer
		want         string
	}{
		{"first", "POST " + rest + "write/experiment/html", &saved, "exit 0, and it is not"},
		{"first", "POST /clientlib/batch/logger/experiment/metric", noCall.done(), "does not mend it"},
		{"first", "POST /clientlib/status-report/offline-metadata", &saved, "exit 0, and it is not"},
		{"grown, resumed", "POST /clientlib/status-report/update", &saved, "left running"},
		{"verify only, grown", "GET " + rest + "experiment/tags", fixedList("tags", `"a","b","c"`), "no more told"},
	} {
		s := scenes[tc.scene]
		if s.routes == nil {
			s.settle(t, flags)
		}
		problems, _ := s.run(t, matrixCell{tc.route, tc.odd, 1, 1000}, flags)
		if !strings.Contains(strings.Join(problems, "\n"), tc.want) {
			t.Errorf("%s: %s of %s: found %q, want %q", tc.scene, tc.odd.name, tc.route, problems, tc.want)
		}
	}
}

// A gateway may refuse a write that the server behind it has done: points are then
// looked for before they are written again, in halves or whole, and the times of an
// experiment that was listed are not taken for those of somebody else.
func TestRefusedByGateway(t *testing.T) {
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	scenes := make(map[string]*importScene)
	for _, s := range importScenes(t) {
		if s.name == "first" || s.name == "many changed" {
			s.settle(t, flags)
			scenes[s.name] = s
		}
	}
	const points, times = "POST /clientlib/batch/logger/experiment/metric", "POST /api/rest/v2/write/experiment/set-start-end-time"
	page := fixedAnswer("403 page", 403, "text/html", "<html><title>Access denied</title></html>")
	text := fixedAnswer("403 text", 403, "text/plain", "Access denied")
	for _, tc := range []struct {
		scene string
		cell  matrixCell
	}{
		{"first", matrixCell{points, &page, 1, 1}},
		{"first", matrixCell{points, page.done(), 1, 1}},
		{"first", matrixCell{points, &text, 1, 1}},
		{"first", matrixCell{points, text.done(), 1, 1}},
		{"many changed", matrixCell{times, page.done(), 1, 0}},
	} {
		if problems, talk := scenes[tc.scene].run(t, tc.cell, flags); len(problems) > 0 {
			t.Errorf("%s: %s: %s\n%s", tc.scene, tc.cell, strings.Join(problems, "\n"), head(talk))
		}
	}
	// One that refuses always has refused, of which nothing is uncertain.
	c := matrixCell{points, &page, 1, 1000}
	problems, talk := scenes["first"].run(t, c, flags)
	if len(problems) > 0 || !strings.Contains(talk, "403 Forbidden") || strings.Contains(talk, "uncertain") {
		t.Errorf("%s: %s\n%s", c, strings.Join(problems, "\n"), head(talk))
	}
}

// fixedList answers with a list of elements.
func fixedList(name, elements string) *oddAnswer {
	a := fixedAnswer("list", 200, "application/json", `{"`+name+`":[`+elements+`]}`)
	return &a
}

// TestImportMatrix has every call of an import answered in every odd way.
func TestImportMatrix(t *testing.T) {
	rng := matrixSeed(t)
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	for _, s := range importScenes(t) {
		t.Run(s.name, func(t *testing.T) {
			s.settle(t, flags)
			all := s.cells(rng)
			cells := importSample(all, rng)
			var bad atomic.Int64
			inParallel(cells, func(c matrixCell) {
				problems, talk := s.run(t, c, flags)
				if len(problems) > 0 && bad.Add(1) <= 20 {
					t.Errorf("%s\n%s\n%s", c, strings.Join(problems, "\n"), head(talk))
				}
			})
			t.Logf("%s: %d of %d cells over %d routes, %d bad", s.name, len(cells), len(all), len(slices.Collect(maps.Keys(s.routes))), bad.Load())
		})
	}
}

// importSample is how many of the cells a plain run takes of each scene; all of
// them are for make torture.
func importSample(cells []matrixCell, rng *rand.Rand) []matrixCell {
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		return cells
	}
	rng.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	n := 120
	if underRace || testing.Short() {
		n = 15
	}
	return cells[:min(n, len(cells))]
}
