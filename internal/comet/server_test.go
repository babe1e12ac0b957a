package comet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

func newClient(t *testing.T, srv *comettest.Server) *comet.Client {
	t.Helper()
	c, err := comet.New(comet.Options{
		URL:    srv.ClientlibURL(),
		APIKey: comettest.DefaultAPIKey,
		Retry:  comet.Retry{MaxElapsed: time.Minute, Tries: 40, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// reading is what a client reads of a workspace, in a form that can be
// compared.
type reading struct {
	Projects    []string
	Experiments []string
	Data        []string // of one experiment
}

// readAll reads a workspace, and the data of one experiment unless key is "".
func readAll(ctx context.Context, c *comet.Client, workspace, key string) (*reading, error) {
	var r reading
	workspaces, err := c.Workspaces.List(ctx)
	if err != nil || !slices.Contains(workspaces, workspace) {
		return nil, fmt.Errorf("workspaces %q, %w", workspaces, err)
	}
	projects, err := c.Projects.List(ctx, workspace)
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		notes, err := textOf(c.Projects.Notes(ctx, p.ID))
		if err != nil {
			return nil, err
		}
		r.Projects = append(r.Projects, fmt.Sprintf("%s %q %v %d %s", p.Name, deref(p.Description), *p.Public, *p.Experiments, notes))
		for e, err := range c.Experiments.List(ctx, comet.Listing{Workspace: workspace, Project: p.Name, PageSize: 2}) {
			if err != nil {
				return nil, err
			}
			r.Experiments = append(r.Experiments, fmt.Sprint(p.Name, " ", e.Key, " ", e.Archived))
		}
	}
	sort.Strings(r.Projects)
	sort.Strings(r.Experiments)
	if key != "" {
		r.Data, err = readExperiment(ctx, c, key)
	}
	return &r, err
}

func readExperiment(ctx context.Context, c *comet.Client, key string) (data []string, err error) {
	note := func(format string, args ...any) { data = append(data, fmt.Sprintf(format, args...)) }
	m, err := c.Experiments.Metadata(ctx, key)
	if err != nil {
		return nil, err
	}
	note("metadata %s %s %d %v %v", m.Key, deref(m.Name), *m.Start, m.Archived, m.Running)
	for kind, read := range map[string]func(context.Context, string) ([]comet.Value, error){
		"parameter": comet.ValuesOf(c.Parameters.Each), "other": comet.ValuesOf(c.Others.Each), "metric": comet.ValuesOf(c.Metrics.Each),
	} {
		list, err := read(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			note("%s %s %q", kind, v.Name, deref(v.Current.Value))
		}
	}
	tags, err := c.Experiments.Tags(ctx, key)
	if err != nil {
		return nil, err
	}
	note("tags %q", tags)
	for kind, read := range map[string]func(context.Context, string) (*comet.Text, error){
		"html": c.Texts.HTML, "code": c.Texts.Code, "output": c.Texts.Output, "graph": c.Texts.Graph, "patch": c.Texts.GitPatch,
	} {
		text, err := textOf(read(ctx, key))
		if err != nil {
			return nil, err
		}
		note("%s %q", kind, text)
	}
	git, err := c.Origins.Git(ctx, key)
	if err != nil {
		return nil, err
	}
	note("git %s %s %s %s %s", deref(git.User), deref(git.Root), deref(git.Branch), deref(git.Parent), deref(git.Origin))
	system, err := c.Origins.System(ctx, key)
	if err != nil {
		return nil, err
	}
	note("system %q %q", system.InstalledPackages, system.OSPackages)
	points, err := readPoints(ctx, c, key)
	if err != nil {
		return nil, err
	}
	data = append(data, points...)
	assets, err := comet.AssetsOf(c)(ctx, key, "")
	if err != nil {
		return nil, err
	}
	for _, a := range assets {
		sum := "remote " + deref(a.Link)
		if !a.Remote {
			if sum, err = sumOf(c.Assets.Content(ctx, comet.AssetRequest{Key: key, ID: a.ID, Size: &a.Size})); err != nil {
				return nil, err
			}
		}
		note("asset %s %q %d %s %s", a.ID, a.Name, a.Size, deref(a.Metadata), sum)
	}
	models, err := c.Assets.Models(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		note("model %s", m.Name)
	}
	sort.Strings(data)
	return data, nil
}

// readPoints reads all points in one call, or each metric by itself where the
// server knows no other way.
func readPoints(ctx context.Context, c *comet.Client, key string) ([]string, error) {
	var points []string
	restart := func() { points = nil }
	yield := func(p *comet.Point) error {
		context := "none"
		if p.Context != nil {
			context = fmt.Sprintf("%q", *p.Context)
		}
		points = append(points, fmt.Sprintf("point %s %s %v %v %v %s", p.Name, p.Value, p.Time, p.Step.Ptr() == nil, p.Step.N, context))
		return nil
	}
	err := c.Metrics.AllPoints(ctx, key, restart, yield)
	if !errors.Is(err, comet.ErrUnsupported) {
		return points, err
	}
	summary, err := comet.ValuesOf(c.Metrics.Each)(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, m := range summary {
		before := slices.Clone(points)
		if err := c.Metrics.Points(ctx, key, m.Name, func() { points = before }, yield); err != nil {
			return nil, err
		}
	}
	return points, nil
}

func textOf(t *comet.Text, err error) (string, error) {
	if err != nil {
		if errors.Is(err, comet.ErrNotFound) {
			return "none", nil
		}
		return "", err
	}
	defer t.Close()
	b, err := io.ReadAll(t)
	return string(b), err
}

func sumOf(b *comet.Body, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer b.Close()
	h := sha256.New()
	_, err = io.Copy(h, b)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func deref(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}

// TestServerMoods reads the same from servers of every age and mood.
func TestServerMoods(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedDemo("demo")
	key := comettest.DemoKey("demo", comettest.DemoFirst)
	want, err := readAll(t.Context(), newClient(t, srv), "demo", key)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Projects) < 3 || len(want.Experiments) < 8 || len(want.Data) < 150 {
		t.Fatalf("little is read: %d projects, %d experiments, %d items", len(want.Projects), len(want.Experiments), len(want.Data))
	}
	for name, moods := range map[string]comettest.Moods{
		"workspaces":       {ObjectWorkspaces: true},
		"pages":            {ForcePages: 1},
		"pages of three":   {ForcePages: 3},
		"no pages":         {IgnorePages: true},
		"archived ignored": {IgnoreArchived: true},
		"both ignored":     {IgnoreArchived: true, IgnorePages: true},
		"repeats":          {RepeatListing: true},
		"shifts":           {ShiftListing: 1},
		"shifts back":      {ShiftListing: -1},
	} {
		t.Run(name, func(t *testing.T) {
			srv.AdjustMoods(func(m *comettest.Moods) { *m = moods })
			got, err := readAll(t.Context(), newClient(t, srv), "demo", "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&reading{Projects: want.Projects, Experiments: want.Experiments}, got); diff != "" {
				t.Errorf("(-usual server +this):\n%s", diff)
			}
		})
	}
	for name, moods := range map[string]comettest.Moods{
		"no version":          {NoVersion: true},
		"old":                 {Version: "3.0.0", NoGetAll: true, BadRequestForMissing: true},
		"no get-all":          {NoGetAll: true},
		"no get-all, 400":     {NoGetAll: true, NoVersion: true, BadRequestForMissing: true},
		"numbers for text":    {NumbersForText: true},
		"text for numbers":    {TextForNumbers: true},
		"extra fields":        {ExtraFields: true},
		"redirects, ranges":   {RedirectDownloads: true, Ranges: true},
		"no gzip":             {NoGzip: true},
		"interleaved metrics": {InterleaveMetrics: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv.AdjustMoods(func(m *comettest.Moods) { *m = moods })
			got, err := readAll(t.Context(), newClient(t, srv), "demo", key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-usual server +this):\n%s", diff)
			}
		})
	}
}

// TestServerFaults reads the same from a server where every fifth request goes
// wrong in one way or another.
func TestServerFaults(t *testing.T) {
	kinds := []inject.FaultKind{
		inject.FaultRefuse, inject.FaultReset, inject.FaultResetHead, inject.FaultResetBody, inject.FaultShort,
		inject.FaultHTML, inject.FaultLost, inject.FaultStatus(408), inject.FaultStatus(429), inject.FaultStatus(500),
		inject.FaultStatus(502), inject.FaultStatus(503), inject.FaultStatus(504),
	}
	var rules []inject.Fault
	for _, k := range kinds {
		rules = append(rules, inject.Fault{Kind: k, Rate: 0.2 / float64(len(kinds))})
	}
	// A wrong length shows in a document, and where the list has the right one.
	for _, endpoint := range []string{"GET *experiment/metadata*", "GET *get-asset*"} {
		rules = append(rules, inject.Fault{Kind: inject.FaultLength, Endpoint: endpoint, Rate: 0.05})
	}
	faults := inject.NewFaults(7)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	srv.SeedDemo("demo")
	key := comettest.DemoKey("demo", comettest.DemoFirst)
	want, err := readAll(t.Context(), newClient(t, srv), "demo", key)
	if err != nil {
		t.Fatal(err)
	}
	for _, ranges := range []bool{false, true} {
		srv.AdjustMoods(func(m *comettest.Moods) { m.Ranges = ranges })
		for seed := range uint64(4) {
			if err := faults.Set(seed, rules...); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t.Context(), newClient(t, srv), "demo", key)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("seed %d (-without faults +with):\n%s", seed, diff)
			}
		}
	}
	for _, k := range kinds {
		if faults.Counts()[k] == 0 {
			t.Errorf("no fault %s happened", k)
		}
	}
}

// TestServerWrites writes an experiment with every call, and looks at what the
// server has.
func TestServerWrites(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Workspaces: []string{"w"}})
	c := newClient(t, srv)
	ctx := t.Context()
	const key = "0123456789abcdef0123456789abcdef"
	id, err := c.Projects.Create(ctx, comet.NewProject{Workspace: "w", Name: "p"})
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	if _, err := c.Projects.Create(ctx, comet.NewProject{Workspace: "w", Name: "p"}); !errors.Is(err, comet.ErrExists) {
		t.Errorf("second project: %v", err)
	}
	run, err := c.Experiments.Start(ctx, comet.Handshake{Key: key, Workspace: "w", Project: "p", Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Experiments.Start(ctx, comet.Handshake{Key: key, Workspace: "w", Project: "p"}); !errors.Is(err, comet.ErrExists) {
		t.Errorf("second handshake: %v", err)
	}
	if again, err := c.Experiments.Open(ctx, key); err != nil || again.ProjectID != run.ProjectID {
		t.Errorf("%+v, %v", again, err)
	}
	for name, err := range writeAll(ctx, c, run, id) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := readExperiment(ctx, c, key)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(data, "\n")
	for _, want := range []string{
		"metadata " + key + " ünï 1000 true false", `tags ["a" "b" "c"]`, `parameter lr "0.1"`, `other other "1"`,
		`html "<b>"`, `code "x = 1"`, `graph "{}"`, `output "one\ntwo"`, `patch "diff"`, "git u none none none none",
		`system ["numpy==1"] []`, "point loss 0.5 {9 true} false 1 \"train\"", "point loss NaN {10 true} true 0 none",
		fmt.Sprintf(`asset %032x "d/x.bin" 4 {"a":1} %x`, 1, sha256.Sum256([]byte("data"))),
		fmt.Sprintf(`asset %032x "s3" 0 none remote s3://b/k`, 2),
		fmt.Sprintf(`asset %032x "im" 3 none %x`, 3, sha256.Sum256([]byte("png"))),
		"model m",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s in\n%s", want, text)
		}
	}
	if notes, err := textOf(c.Projects.Notes(ctx, id)); notes != "# n" || err != nil {
		t.Errorf("notes %q, %v", notes, err)
	}
	if p, err := c.Projects.ByID(ctx, id); err != nil || deref(p.Description) != "about" || !*p.Public {
		t.Errorf("%+v, %v", p, err)
	}
	if err := c.Assets.Upload(ctx, &comet.Upload{Run: run, ID: fmt.Sprintf("%032x", 1), Link: new("s3://x")}); !errors.Is(err, comet.ErrImmutable) {
		t.Errorf("second upload: %v", err)
	}
	if err := c.Experiments.Restore(ctx, key); err != nil {
		t.Error(err)
	}
	if list, err := comet.AssetsOf(c)(ctx, key, ""); err != nil || len(list) != 4 {
		t.Errorf("%d assets, %v", len(list), err)
	}
}

func writeAll(ctx context.Context, c *comet.Client, run *comet.Run, project string) map[string]error {
	var metrics, parameters comet.Batch
	train := "train"
	metrics.AddMetric(&comet.MetricValue{Name: "loss", Value: []byte("0.5"), Step: comet.IntOf(1), Context: &train, Time: comet.IntOf(9)})
	metrics.AddMetric(&comet.MetricValue{Name: "loss", Value: []byte("NaN"), Time: comet.IntOf(10)})
	parameters.AddParameter(&comet.ParameterValue{Name: "lr", Value: wire.Quote("0.1"), Time: comet.IntOf(5)})
	open := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(s))), nil }
	}
	user, about, public, start, end := "u", "about", true, int64(1000), int64(2000)
	key := run.Key
	errs := map[string]error{
		"alive":      c.Experiments.ReportStatus(ctx, run, true, true),
		"name":       c.Others.Log(ctx, key, "Name", wire.Quote("ünï"), &start),
		"other":      c.Others.Log(ctx, key, "other", json.RawMessage("1"), nil),
		"tags":       c.Experiments.AddTags(ctx, key, []string{"a", "b", "c"}),
		"metrics":    c.Metrics.Write(ctx, key, &metrics),
		"parameters": c.Parameters.Write(ctx, key, &parameters),
		"html":       c.Texts.WriteHTML(ctx, key, api.TextContent("<b>"), true, nil),
		"code":       c.Texts.WriteCode(ctx, key, api.TextContent("x = 1")),
		"graph":      c.Texts.WriteGraph(ctx, key, api.TextContent("{}")),
		"file path":  c.Texts.WriteFilePath(ctx, key, "/a/b.py"),
		"output":     c.Texts.WriteOutput(ctx, key, []comet.OutputLine{{Text: "one\n"}, {Text: "two", Offset: 1}}),
		"system":     c.Origins.WriteSystem(ctx, key, json.RawMessage(`{"installedPackages":["numpy==1"]}`)),
		"git":        c.Origins.WriteGit(ctx, key, &comet.Git{User: &user}),
		"patch":      c.Texts.WriteGitPatch(ctx, key, api.TextContent("diff")),
		"asset": c.Assets.Upload(ctx, &comet.Upload{Run: run, ID: fmt.Sprintf("%032x", 1), Name: "d/x.bin", Extension: "bin",
			Metadata: json.RawMessage(`{"a":1}`), Open: open("data"), Size: 4}),
		"remote": c.Assets.Upload(ctx, &comet.Upload{Run: run, ID: fmt.Sprintf("%032x", 2), Name: "s3", Link: new("s3://b/k")}),
		"image":  c.Assets.UploadVisualization(ctx, &comet.Upload{Run: run, ID: fmt.Sprintf("%032x", 3), Name: "im", Open: open("png"), Size: 3}),
		"model": c.Assets.Upload(ctx, &comet.Upload{Run: run, ID: fmt.Sprintf("%032x", 4), Name: "w", Type: "model-element", Model: "m",
			Open: open(""), Size: 0}),
		"project": c.Projects.Update(ctx, project, comet.ProjectUpdate{Description: &about, Public: &public}),
		"notes":   c.Projects.WriteNotes(ctx, project, api.TextContent("# n")),
	}
	// The end of an experiment comes after all else.
	errs["ended"] = c.Experiments.ReportStatus(ctx, run, false, true)
	errs["crashed"] = c.Experiments.UpdateStatus(ctx, key, comet.Status{Crashed: true})
	errs["offline times"] = c.Experiments.SetOfflineTimes(ctx, run, &start, end)
	errs["times"] = c.Experiments.SetTimes(ctx, key, &start, &end)
	errs["archive"] = c.Experiments.Archive(ctx, key)
	return errs
}

// A strict server answers wrong keys and missing things in the documented
// ways.
func TestServerRefusals(t *testing.T) {
	for _, bad := range []bool{false, true} {
		srv := comettest.Start(t, comettest.Options{Workspaces: []string{"w"}, Moods: comettest.Moods{BadRequestForMissing: bad}})
		c := newClient(t, srv)
		if _, err := c.Projects.Get(t.Context(), "w", "none"); !errors.Is(err, comet.ErrNotFound) {
			t.Errorf("project: %v", err)
		}
		if _, err := c.Experiments.Metadata(t.Context(), "none"); !errors.Is(err, comet.ErrNotFound) {
			t.Errorf("experiment: %v", err)
		}
		if _, err := c.Experiments.Open(t.Context(), "0123456789abcdef0123456789abcdef"); !errors.Is(err, comet.ErrNotFound) {
			t.Errorf("resume: %v", err)
		}
		if _, err := c.Experiments.Start(t.Context(), comet.Handshake{Key: "0123456789abcdef0123456789abcdef", Workspace: "none"}); !errors.Is(err, comet.ErrNotFound) {
			t.Errorf("workspace: %v", err)
		}
		err := c.Metrics.AllPoints(t.Context(), "none", nil, func(*comet.Point) error { return nil })
		if !errors.Is(err, comet.ErrNotFound) || errors.Is(err, comet.ErrUnsupported) {
			t.Errorf("points: %v", err)
		}
		wrong, err := comet.New(comet.Options{URL: srv.ClientlibURL(), APIKey: "wrongkey0wrongkey0"})
		if err != nil {
			t.Fatal(err)
		}
		defer wrong.CloseIdle()
		if _, err := wrong.Workspaces.List(t.Context()); !errors.Is(err, comet.ErrUnauthorized) {
			t.Errorf("wrong key: %v", err)
		}
		if _, err := wrong.Experiments.Start(t.Context(), comet.Handshake{Key: "0123456789abcdef0123456789abcdef"}); !errors.Is(err, comet.ErrUnauthorized) {
			t.Errorf("wrong key at the handshake: %v", err)
		}
	}
}

// The whole instance may sit below a path.
func TestServerPrefix(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Prefix: "/comet"})
	srv.SeedDemo("demo")
	c := newClient(t, srv)
	if _, err := readAll(t.Context(), c, "demo", comettest.DemoKey("demo", comettest.DemoFirst)); err != nil {
		t.Error(err)
	}
	if v, ok := c.Version(t.Context()); !ok || v.String() != comettest.DefaultVersion {
		t.Errorf("version %v, %v", v, ok)
	}
}

// TestServersThatDiffer writes to servers that lack what newer ones have.
func TestServersThatDiffer(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	start := func(t *testing.T, m comettest.Moods) (*comettest.Server, *comet.Client, *comet.Run) {
		srv := comettest.Start(t, comettest.Options{Workspaces: []string{"w"}, Moods: m})
		c := newClient(t, srv)
		run, err := c.Experiments.Start(t.Context(), comet.Handshake{Key: key, Workspace: "w", Project: "p"})
		if err != nil {
			t.Fatal(err)
		}
		srv.ResetStats()
		return srv, c, run
	}
	t.Run("no compressed bodies", func(t *testing.T) {
		srv, c, _ := start(t, comettest.Moods{RefuseGzip: true})
		var b comet.Batch
		b.AddParameter(&comet.ParameterValue{Name: "p", Value: wire.Quote("1"), Time: comet.IntOf(1)})
		for range 2 {
			if err := c.Parameters.Write(t.Context(), key, &b); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Texts.WriteOutput(t.Context(), key, []comet.OutputLine{{Text: "x\n"}}); err != nil {
			t.Fatal(err)
		}
		if n := srv.Stats().Requests; n != 4 {
			t.Errorf("%d requests, want one refusal and three writes", n)
		}
	})
	t.Run("compressed bodies once taken", func(t *testing.T) {
		srv, c, _ := start(t, comettest.Moods{})
		if err := c.Texts.WriteOutput(t.Context(), key, []comet.OutputLine{{Text: "x\n"}}); err != nil {
			t.Fatal(err)
		}
		srv.SetMoods(comettest.Moods{RefuseGzip: true})
		if err := c.Texts.WriteOutput(t.Context(), key, []comet.OutputLine{{Text: "x\n"}}); err == nil {
			t.Error("a refusal has nothing to do with the compression here")
		}
	})
	t.Run("no resuming", func(t *testing.T) {
		_, c, run := start(t, comettest.Moods{Lacks: []string{"logger/get/run"}})
		again, err := c.Experiments.Open(t.Context(), key)
		if err != nil || again.Key != key || again.ProjectID != run.ProjectID || again.ID != "" || again.MaxAsset == 0 {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := c.Experiments.Open(t.Context(), strings.Repeat("f", 32)); !errors.Is(err, comet.ErrNotFound) {
			t.Errorf("of no experiment: %v", err)
		}
	})
	t.Run("a missing model is no missing call", func(t *testing.T) {
		_, c, _ := start(t, comettest.Moods{BadRequestForMissing: true})
		_, err := c.Registry.CreateItem(t.Context(), comet.NewRegistryVersion{Name: "r", Version: "1.0.0", Key: key, Model: "m"})
		if err == nil || errors.Is(err, comet.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	})
}
