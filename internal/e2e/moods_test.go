package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// moods are the ways of servers of other ages that nothing is lost with.
var moods = map[string]comettest.Moods{
	"no get-all":               {NoGetAll: true},
	"no version endpoint":      {NoVersion: true},
	"400 for 404":              {BadRequestForMissing: true},
	"fields null":              {OptionalFields: "null"},
	"fields absent":            {OptionalFields: "absent"},
	"numbers for text":         {NumbersForText: true},
	"text for numbers":         {TextForNumbers: true},
	"unknown fields":           {ExtraFields: true},
	"workspaces as objects":    {ObjectWorkspaces: true},
	"pages of two":             {ForcePages: 2},
	"pages ignored":            {IgnorePages: true},
	"archived ignored":         {IgnoreArchived: true},
	"pages of two, repeating":  {ForcePages: 2, RepeatListing: true},
	"pages of two, shifting":   {ForcePages: 2, ShiftListing: 1},
	"pages of two, back":       {ForcePages: 2, ShiftListing: -1},
	"redirected downloads":     {RedirectDownloads: true},
	"ranges":                   {Ranges: true},
	"ranges and redirects":     {Ranges: true, RedirectDownloads: true},
	"no gzip":                  {NoGzip: true},
	"metrics interleaved":      {InterleaveMetrics: true},
	"interleaved, no get-all":  {InterleaveMetrics: true, NoGetAll: true},
	"end time kept":            {KeepEndTime: true},
	"no batches":               {NoBatch: true},
	"uploads to storage":       {S3Upload: true},
	"old and in a bad mood":    {Version: "3.20.59", BadRequestForMissing: true, OptionalFields: "absent", TextForNumbers: true, IgnorePages: true},
	"young and in a good mood": {ExtraFields: true, ForcePages: 3, Ranges: true, InterleaveMetrics: true},
	"taken keys answered":      {TakenKeys: "answer"},
	"taken keys, no reason":    {TakenKeys: "wordless"},
	"no compressed bodies":     {RefuseGzip: true},
	"no resuming":              {Lacks: []string{"logger/get/run"}},
	"version 3.20.59":          {Version: "3.20.59"},
	"version 3.12.25":          {Version: "3.12.25"},
	"version 4.3.385":          {Version: "4.3.385"},
}

// seedMoody fills a workspace with enough to be told apart: experiments for
// pages, one with everything, archived ones, one that appears in two projects.
func seedMoody(in *instance) {
	in.SeedProject("src", "p", comettest.ProjectSpec{Description: new("d"), Notes: "notes\n", ShareLinks: 1})
	spec := fidelitySpec()
	spec.OptimizationID, spec.User, spec.Crashed = "", "", false
	spec.Assets = slices.DeleteFunc(spec.Assets, func(a comettest.AssetSpec) bool {
		return !slices.Contains([]string{"asset", "image", "figure", "embeddings", "histogram3d", "model-element", ""}, a.Type)
	})
	in.SeedExperiment("src", "p", spec)
	for i := range 7 {
		in.SeedExperiment("src", "p", comettest.ExperimentSpec{
			Key: fmt.Sprintf("%032d", i+1), Name: fmt.Sprintf("run %d", i), Start: epoch + int64(i), End: epoch + 100 + int64(i), Archived: i%3 == 2,
			Points: series(3, func(j int, p *comettest.MetricPoint) { p.Step = new(int64(j)) }),
		})
	}
	in.SeedExperiment("src", "q", comettest.ExperimentSpec{Key: strings.Repeat("9", 32), Name: "linked", Start: epoch, End: epoch + 1})
	in.SeedLink(strings.Repeat("9", 32), "p")
}

// A source of any age and mood gives all it has.
func TestSourceMoods(t *testing.T) {
	for name, mood := range moods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := start(t, comettest.Options{Moods: mood}), start(t, comettest.Options{Workspaces: []string{"dst"}})
			seedMoody(src)
			before := whole(src)
			stream := runExport(src, "src").want(t, cli.ExitOK).stdout
			unchanged(t, "the source", before, whole(src))
			runImport(dst, stream, "dst").want(t, cli.ExitOK)
			sameMoody(t, src, dst)
		})
	}
}

// A destination of any age and mood takes all of it, and takes it once.
func TestDestinationMoods(t *testing.T) {
	src := start(t, comettest.Options{})
	seedMoody(src)
	stream := runExport(src, "src").want(t, cli.ExitOK).stdout
	for name, mood := range moods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst := start(t, comettest.Options{Moods: mood, Workspaces: []string{"dst"}})
			runImport(dst, stream, "dst").want(t, cli.ExitOK)
			sameMoody(t, src, dst)
			importAgain(t, dst, stream, "dst")
		})
	}
}

// Instances below a path of their hosts give and take all of it.
func TestBelowPaths(t *testing.T) {
	src, dst := start(t, comettest.Options{Prefix: "/comet"}), start(t, comettest.Options{Prefix: "/on/prem", Workspaces: []string{"dst"}})
	seedMoody(src)
	stream := runExport(src, "src").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "--verify", "dst").want(t, cli.ExitOK)
	sameMoody(t, src, dst)
	importAgain(t, dst, stream, "dst")
}

// sameMoody compares both projects. Documents are carried as they were
// answered: unknown fields in them go along, and numbers stay text where they
// came so.
func sameMoody(t *testing.T, src, dst *instance) {
	t.Helper()
	for _, name := range []string{"p", "q"} {
		sameMoodyProject(t, src, "src/"+name, dst, "dst/"+name)
	}
}

func sameMoodyProject(t *testing.T, src *instance, from string, dst *instance, to string) {
	t.Helper()
	want, got := projectState(t, src, from, portable), projectState(t, dst, to, portable)
	for _, p := range []*comettest.ProjectState{want, got} {
		asImported(p)
		for i := range p.Experiments {
			for field, raw := range p.Experiments[i].System {
				p.Experiments[i].System[field] = unmoody(raw)
			}
		}
	}
	if diff := diff(want, got); diff != "" {
		t.Errorf("%s differs (-source +destination):\n%s", to, head(diff))
	}
}

// Random projects move between two servers of random moods, once.
func TestRandomMoods(t *testing.T) {
	names := slices.Sorted(maps.Keys(moods))
	onRandomProjects(t, func(t *testing.T, d *dice) {
		from, to := pick(d, names), pick(d, names)
		t.Logf("from a server of the mood %q to one of %q", from, to)
		src, dst := start(t, comettest.Options{Moods: moods[from]}), start(t, comettest.Options{Moods: moods[to], Workspaces: []string{"ws"}})
		d.seedProject(src, "ws", "p")
		stream := runExport(src, "ws/p").want(t, cli.ExitOK).stdout
		runImport(dst, stream).want(t, cli.ExitOK)
		sameMoodyProject(t, src, "ws/p", dst, "ws/p")
		importAgain(t, dst, stream)
	})
}

var unknownField = regexp.MustCompile(`,?"unknownToYou":\{[^}]*\}`)

// unmoody takes away what a mood adds to a system detail.
func unmoody(raw json.RawMessage) json.RawMessage {
	text := unknownField.ReplaceAllString(string(raw), "")
	if number := strings.Trim(text, `"`); number == "4242" {
		text = number
	}
	return json.RawMessage(text)
}

// A crash is told to servers that know crashes, and as a loss for others.
func TestCrashOnOldServer(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Moods: comettest.Moods{Version: "3.7.90"}, Workspaces: []string{"dst"}})
	key := src.SeedExperiment("src", "p", comettest.ExperimentSpec{Name: "crashed", Crashed: true, Start: epoch, End: epoch + 5})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	r := runImport(dst, stream, "dst/p")
	r.says(t, "crash")
	e := dst.State().Experiment(key)
	if e == nil || e.Running || e.End != epoch+5 {
		t.Fatalf("the experiment is %+v, want it finished in time", e)
	}
}

// Experiments that go between listing and reading are reported, and the others
// arrive.
func TestVanished(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedMoody(src)
	gone := fmt.Sprintf("%032d", 2)
	src.AdjustMoods(func(m *comettest.Moods) { m.Vanish = []string{gone} })
	exported := runExport(src, "src").want(t, cli.ExitIncomplete).says(t, gone)
	runImport(dst, exported.stdout, "dst").want(t, cli.ExitIncomplete).says(t, gone)
	src.SetMoods(comettest.Moods{})
	src.Delete(gone)
	sameMoody(t, src, dst)
}

// long is an experiment with a series of n points.
func long(n int) comettest.ExperimentSpec {
	return comettest.ExperimentSpec{
		Key: longKey, Name: "long", Start: epoch, End: epoch + 1,
		Synthetic: []comettest.SyntheticMetric{{Name: "loss/train", Seed: 7, N: n, Start: epoch}},
		Points:    []comettest.MetricPoint{{Metric: "short", Value: "1", Time: epoch}},
	}
}

// What a source thins arrives as it thins it, and is reported; with files of all
// points everything arrives.
func TestThinnedBySource(t *testing.T) {
	const n, limit = 15_600, comettest.DefaultMetricCap
	for name, tt := range map[string]struct {
		mood   comettest.Moods
		want   int
		always bool
	}{
		"without files":      {comettest.Moods{MetricCap: limit}, limit, true},
		"files by type":      {comettest.Moods{MetricCap: limit, FullMetricFiles: "typed"}, n, true},
		"files listed":       {comettest.Moods{MetricCap: limit, FullMetricFiles: "listed"}, n, false},
		"files in ms":        {comettest.Moods{MetricCap: limit, FullMetricFiles: "typed", FullMetricMillis: true}, n, false},
		"files, no get-all":  {comettest.Moods{MetricCap: limit, FullMetricFiles: "listed", NoGetAll: true}, n, false},
		"just at the limit":  {comettest.Moods{MetricCap: n}, n, true},
		"one over the limit": {comettest.Moods{MetricCap: n - 1}, n - 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			if underRace && !tt.always {
				t.Skip("takes long under the race detector")
			}
			t.Parallel()
			src, dst := start(t, comettest.Options{Moods: tt.mood}), start(t, comettest.Options{Workspaces: []string{"dst"}})
			src.SeedExperiment("src", "p", long(n))
			exported := runExport(src, "src/p").want(t, cli.ExitOK)
			runImport(dst, exported.stdout, "dst/p").want(t, cli.ExitOK)
			if tt.want == limit {
				exported.says(t, "loss/train")
			}
			if tt.want == n {
				src.SetMoods(comettest.Moods{}) // to see what it has
			}
			seconds := tt.mood.FullMetricFiles != "" && !tt.mood.FullMetricMillis
			samePoints(t, src, dst, tt.want, seconds)
			importAgain(t, dst, exported.stdout, "dst/p")
		})
	}
}

// samePoints compares the long series of two instances. Files that give times
// in seconds leave no more of them.
func samePoints(t *testing.T, src, dst *instance, n int, seconds bool) {
	t.Helper()
	points := func(in *instance) map[string]int {
		found := make(map[string]int)
		for _, p := range in.State(comettest.StateOptions{Points: true}).Experiment(longKey).Metrics[0].Values {
			at := p.Time
			if seconds {
				at /= 1000
			}
			found[fmt.Sprint(p.Value, " ", at, " ", integerText(p.Step), " ", integerText(p.Epoch), " ", deref(p.Context, "none"))]++
		}
		return found
	}
	want, got := points(src), points(dst)
	total := 0
	for _, count := range got {
		total += count
	}
	if total != n {
		t.Errorf("%d points, want %d", total, n)
	}
	if diff := diff(want, got); diff != "" {
		t.Errorf("the points differ (-source +destination):\n%s", head(diff))
	}
}

func integerText(n *int64) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

// A destination that thins keeps what it keeps: a second run does not send the
// rest again.
func TestThinnedByDestination(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedExperiment("src", "p", long(15_600))
	dst := start(t, comettest.Options{Moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap}, Workspaces: []string{"dst"}})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst/p").want(t, cli.ExitOK)
	if n := dst.State().Experiment(longKey).Metrics[0].Received; n != 15_600 {
		t.Errorf("%d points were sent, want 15600", n)
	}
	importAgain(t, dst, stream, "dst/p")
}

// A destination that merges exact duplicates has one of each, and is not sent
// the others again.
func TestMergedDuplicates(t *testing.T) {
	src := start(t, comettest.Options{})
	points := series(20, func(i int, p *comettest.MetricPoint) {
		p.Value, p.Time, p.Step = fmt.Sprint(i/4), epoch, new(int64(i/4))
	})
	src.SeedExperiment("src", "p", comettest.ExperimentSpec{Key: longKey, Name: "twice", Start: epoch, End: epoch + 1, Points: points})
	dst := start(t, comettest.Options{Moods: comettest.Moods{MergeDuplicates: true}, Workspaces: []string{"dst"}})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst/p").want(t, cli.ExitOK)
	if n := dst.State().Experiment(longKey).Metrics[0].Points; n != 5 {
		t.Errorf("%d points, want 5", n)
	}
	importAgain(t, dst, stream, "dst/p")
}
