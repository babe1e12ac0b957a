package importer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer/place"
)

// manyAlike returns a project of experiments that differ in little.
func manyAlike(n int) testProject {
	p := testProject{workspace: "src", name: "many"}
	for i := range n {
		start := 1_700_000_000_000 + int64(i)*1000
		p.experiments = append(p.experiments, comettest.ExperimentSpec{
			Key: fmt.Sprintf("%032x", 0xa000+i), Name: fmt.Sprintf("run %d", i), Start: start, End: start + 500, FilePath: "train.py",
			Archived: i%4 == 3, Tags: []string{"all", fmt.Sprintf("mod %d", i%3)},
			Parameters: []comettest.Value{{Name: "lr", Value: fmt.Sprintf("0.%d", i+1), Time: start}, {Name: "n", Value: "3", Time: start}},
			Points:     []comettest.MetricPoint{{Metric: "loss", Value: "0.5", Time: start}},
			Assets:     []comettest.AssetSpec{{ID: fmt.Sprintf("%032x", 0xb000+i), Name: "a.txt", Body: []byte("a")}},
		})
	}
	return p
}

// An import once more of what is there asks each experiment for its points and its
// assets, and for its others where it has more than a name.
func TestImportAgainRequests(t *testing.T) {
	const n = 40
	for name, others := range map[string]bool{"a name alone": false, "others": true} {
		t.Run(name, func(t *testing.T) {
			srv, p, each := newServer(t, comettest.Options{}), manyAlike(n), 2
			if others {
				for i := range p.experiments {
					p.experiments[i].Others = []comettest.Value{{Name: "set", Value: "x", Time: p.experiments[i].Start}}
				}
				each = 3
			}
			c, data, o := newClient(t, srv), streamOf(t, p), Options{To: place.Project{Workspace: "team"}}
			importTo(t, c, data, o).succeed(t)
			srv.ResetStats()
			r := importTo(t, c, data, o).succeed(t)
			if r.AlreadyThere != n || r.Wrote() || len(writes(srv)) > 0 {
				t.Errorf("summary: %+v, writes: %v", r.Summary, writes(srv))
			}
			// Version, workspaces, projects; two pages each of the experiments that
			// are archived and of the others; of both those of the four tags, and of
			// tags like them; the parameters.
			const shared = 3 + 4 + 16 + 1
			if got := srv.Stats().Requests; got > each*n+shared {
				t.Errorf("%d requests for %d experiments, want %d each: %v", got, n, each, srv.Counts())
			}
		})
	}
}

// Whatever the answers about many experiments say, and whatever of an experiment the
// destination has in another way, the result is that of asking for each.
func TestOverviewIsDoubted(t *testing.T) {
	const n = 14
	p := manyAlike(n)
	// What the destination has in another way, what an import says of it, and whether
	// the listing shows it or it is to be written: then the experiment is asked first.
	odd := []struct {
		change func(*comettest.ExperimentSpec)
		issue  string // "" where it is written
		asked  bool
	}{
		{func(e *comettest.ExperimentSpec) { e.Tags = []string{"all"} }, "", true},
		{func(e *comettest.ExperimentSpec) { e.Tags = []string{"mod 1"} }, "", true},
		{func(e *comettest.ExperimentSpec) { e.Parameters = e.Parameters[:1] }, "", true},
		{func(e *comettest.ExperimentSpec) {
			e.Parameters = []comettest.Value{{Name: "lr", Value: "7"}, e.Parameters[1]}
		}, "parameters", false},
		{func(e *comettest.ExperimentSpec) { e.Name = "another" }, "others", true},
		{func(e *comettest.ExperimentSpec) { e.FilePath = "" }, "", true},
		{func(e *comettest.ExperimentSpec) { e.Archived = !e.Archived }, "archived", true},
		{func(e *comettest.ExperimentSpec) { e.End += 10 }, "end time", true},
		{func(e *comettest.ExperimentSpec) { e.Points = nil }, "", true},
		{func(e *comettest.ExperimentSpec) { e.Assets = nil }, "", true},
		{func(e *comettest.ExperimentSpec) {}, "", false},
		{func(e *comettest.ExperimentSpec) { e.FilePath = "other.py" }, "file path", true},
		{func(e *comettest.ExperimentSpec) { e.Crashed = true }, "state", true},
	}
	all := `{"experimentKeys":["` + strings.Join(keysOf(p), `","`) + `"]}`
	for _, answer := range []struct {
		name, path string
		status     int
		body       string
	}{
		{name: "as they are"},
		{"no listing", "/experiments?", 500, `{"msg":"no","code":500}`},
		{"an empty listing", "/experiments?", 200, `{"experiments":[]}`},
		{"a listing with nothing but keys", "/experiments?", 200, `{"experiments":[{"experimentKey":"` + keysOf(p)[10] + `"}]}`},
		{"a listing of another project", "/experiments?", 200, `{"experiments":[{"experimentKey":"` + keysOf(p)[10] + `","experimentName":"run 10","startTimeMillis":1700000010000,
			"endTimeMillis":1700000010500,"filePath":"train.py","archived":false,"running":false,"hasCrashed":false,"workspaceName":"team","projectName":"home"}]}`},
		{"no query", "/project/query", 404, `<html>no</html>`},
		{"a query that lacks its member", "/project/query", 200, `{}`},
		{"a query that finds nothing", "/project/query", 200, `{"experimentKeys":[]}`},
		{"a query that is cut", "/project/query", 200, all[:60]},
		{"a query that finds all", "/project/query", 200, all},
		{"no chart", "/multi-metric-chart", 501, `{}`},
		{"a chart that lacks its member", "/multi-metric-chart", 200, `{"empty":true}`},
		{"a chart of nothing", "/multi-metric-chart", 200, `{"experiments":{},"empty":true}`},
		{"a chart with other values", "/multi-metric-chart", 200, `{"experiments":{"` + keysOf(p)[2] + `":{"params":{"lr":"9","n":null}}},"empty":false}`},
	} {
		t.Run(answer.name, func(t *testing.T) {
			var mu sync.Mutex
			asked := make(map[string]bool)
			a := &answers{chosen: func(r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/experiment/metadata") {
					mu.Lock()
					defer mu.Unlock()
					asked[r.URL.Query().Get("experimentKey")] = true
				}
				return answer.path != "" && strings.Contains(r.URL.String(), answer.path)
			}, status: answer.status, body: answer.body}
			srv := newServer(t, comettest.Options{Middleware: a.middleware})
			want := newServer(t, comettest.Options{})
			was := manyAlike(n)
			var issues, unasked []string
			after := manyAlike(n)
			for i, o := range odd {
				o.change(&was.experiments[i])
				if o.issue != "" {
					issues = append(issues, o.issue)
					o.change(&after.experiments[i])
				}
			}
			seed(srv, "team", was)
			seed(want, "team", after)
			r := importTo(t, newClient(t, srv), streamOf(t, p), Options{To: place.Project{Workspace: "team"}})
			if r.err != nil {
				t.Fatal(r.err)
			}
			for i, o := range odd {
				if key := p.experiments[i].Key; !asked[key] && (o.asked || answer.path == "/experiments?") {
					unasked = append(unasked, fmt.Sprint(i))
				}
			}
			if len(unasked) > 0 {
				t.Errorf("experiments %v were not asked", unasked)
			}
			var kinds []string
			for _, o := range r.outcomes {
				for _, i := range o.Issues {
					kinds = append(kinds, i.Kind)
				}
			}
			slices.Sort(kinds)
			slices.Sort(issues)
			if !slices.Equal(kinds, issues) {
				t.Errorf("issues of %q, want %q:\n%s", kinds, issues, strings.Join(r.issues(), "\n"))
			}
			diffStates(t, "destination", stateOf(want), stateOf(srv))
		})
	}
}

// A server may leave out of its listing whether an experiment has crashed, and may
// take tags for the same that differ in case: neither hides what differs.
func TestOverviewOfOddServer(t *testing.T) {
	was, p := manyAlike(12), manyAlike(12)
	was.experiments[1].Crashed = true
	p.experiments[2].Crashed = true
	for i := range p.experiments {
		was.experiments[i].Tags[0] = "ALL"
	}
	p.experiments[4].Tags = []string{"7"}
	moods := comettest.Moods{StatelessListing: true, FoldTags: true}
	srv, want := newServer(t, comettest.Options{Moods: moods}), newServer(t, comettest.Options{})
	seed(srv, "team", was)
	for i := range p.experiments {
		was.experiments[i].Tags = append(was.experiments[i].Tags, p.experiments[i].Tags[0])
	}
	was.experiments[1].Crashed, was.experiments[2].Crashed = false, true
	seed(want, "team", was)
	o := Options{To: place.Project{Workspace: "team"}, Update: true}
	if r := importTo(t, newClient(t, srv), streamOf(t, p), o); r.err != nil || r.Completed != 12 {
		t.Errorf("%v: %+v\n%s", r.err, r.Summary, strings.Join(r.issues(), "\n"))
	}
	diffStates(t, "destination", stateOf(want), stateOf(srv))
	srv.ResetStats()
	o.Experiments = 1
	if r := importTo(t, newClient(t, srv), streamOf(t, p), o); r.err != nil || r.AlreadyThere != 12 {
		t.Errorf("once more: %v: %+v\n%s", r.err, r.Summary, strings.Join(r.issues(), "\n"))
	}
	if n := srv.Counts()["POST /api/rest/v2/project/query"]; n > 2 {
		t.Errorf("%d queries for tags that are not told apart", n)
	}
}

func keysOf(p testProject) (keys []string) {
	for _, e := range p.experiments {
		keys = append(keys, e.Key)
	}
	return keys
}

// A link that the target project shows is no experiment of it: nothing is written to
// the one that it leads to. Where nothing is to be written only a verification asks.
func TestOverviewOfLink(t *testing.T) {
	srv, p := newServer(t, comettest.Options{}), manyAlike(12)
	was := manyAlike(12)
	was.experiments[5].Tags = nil
	home := testProject{workspace: "src", name: "home", experiments: was.experiments[5:6]}
	was.experiments = slices.Delete(slices.Clone(was.experiments), 5, 6)
	seed(srv, "team", was, home)
	key := home.experiments[0].Key
	srv.SeedLink(key, "many")
	before := stateOf(srv)
	r := importTo(t, newClient(t, srv), streamOf(t, p), Options{To: place.Project{Workspace: "team"}})
	if r.err == nil || !strings.Contains(r.err.Error(), `the destination has it in "team/home", and a link to it in "team/many"`) || r.Failed != 1 || r.AlreadyThere != 11 {
		t.Errorf("%v: %+v", r.err, r.Summary)
	}
	if got := r.of(t, key); got.Result != "failed" {
		t.Errorf("the linked one: %+v", got)
	}
	diffStates(t, "destination", before, stateOf(srv))

	srv.SetMoods(comettest.Moods{KeepEndTime: true})
	if err := newClient(t, srv).Experiments.AddTags(t.Context(), key, p.experiments[5].Tags); err != nil {
		t.Fatal(err)
	}
	for verify, want := range map[bool]int64{false: 0, true: 1} {
		if r := importTo(t, newClient(t, srv), streamOf(t, p), Options{To: place.Project{Workspace: "team"}, Verify: verify}); r.err != nil || r.Elsewhere != want {
			t.Errorf("a link with all that there is, verified %v: %v: %+v", verify, r.err, r.Summary)
		}
	}
}

// On a server of whatever age or mood, an import of what is there in part comes to the
// same as on the documented one.
func TestOverviewMoods(t *testing.T) {
	was, p := manyAlike(14), manyAlike(14)
	was.experiments[0].Tags = was.experiments[0].Tags[:1]
	was.experiments[1].Parameters = was.experiments[1].Parameters[1:]
	was.experiments[2].Points, was.experiments[3].Assets = nil, nil
	was.experiments[4].Others = []comettest.Value{{Name: "set", Value: "x", Time: was.experiments[4].Start}}
	was.experiments[5].FilePath = ""
	for name, moods := range map[string]comettest.Moods{
		"old":               {Version: "3.7.0"},
		"pages are bounded": {ForcePages: 3}, "no pages": {IgnorePages: true}, "archived or not": {IgnoreArchived: true},
		"pages overlap": {RepeatListing: true}, "pages move on": {ShiftListing: 1}, "pages move back": {ShiftListing: -1},
		"fields are null": {OptionalFields: "null"}, "fields are absent": {OptionalFields: "absent"}, "more fields": {ExtraFields: true},
		"numbers": {NumbersForText: true}, "text": {TextForNumbers: true}, "stateless, tags folded": {StatelessListing: true, FoldTags: true},
		"no query": {Lacks: []string{"project/query"}}, "no chart": {Lacks: []string{"experiments/multi-metric-chart"}},
		"resumes": {TakenKeys: "answer", ResumeRuns: true}, "names": {GeneratedNames: true}, "400": {BadRequestForMissing: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv, want := newServer(t, comettest.Options{Moods: moods}), newServer(t, comettest.Options{})
			seed(srv, "team", was)
			all := manyAlike(14)
			all.experiments[4].Others = was.experiments[4].Others
			seed(want, "team", all)
			o := Options{To: place.Project{Workspace: "team"}}
			importTo(t, newClient(t, srv), streamOf(t, p), o).succeed(t)
			diffStates(t, "destination", stateOf(want), stateOf(srv))
			srv.ResetStats()
			if r := importTo(t, newClient(t, srv), streamOf(t, p), o).succeed(t); r.AlreadyThere != 14 || len(writes(srv)) > 0 {
				t.Errorf("once more: %+v, writes: %v", r.Summary, writes(srv))
			}
		})
	}
}
