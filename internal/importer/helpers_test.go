package importer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// sourceURL is where the streams of the tests come from.
const sourceURL = "https://source.example.com"

// A script writes the records of a stream by hand.
type script struct {
	t *testing.T
	b bytes.Buffer
	w *stream.Writer
}

// streamOf returns the bytes of a stream with these projects.
func streamOf(t *testing.T, projects ...testProject) []byte {
	t.Helper()
	s := newScript(t, sourceURL)
	s.begin(projects...)
	for _, p := range projects {
		s.project(p)
	}
	return s.close()
}

func newScript(t *testing.T, source string) *script { return newScriptOf(t, source, 1) }

// newScriptOf begins a stream that was written at a time.
func newScriptOf(t *testing.T, source string, created int64) *script {
	s := &script{t: t}
	s.w = stream.NewWriter(&s.b, stream.WriterOptions{Workers: 1, SkipSHA256: true})
	s.write(&stream.Header{Created: created, Tool: "test", Source: stream.Source{URL: source}, Parents: []string{}, Requires: []string{}, Scope: stream.Scope{Paths: []string{}, Resources: []string{}}})
	return s
}

func (s *script) write(records ...stream.Record) {
	s.t.Helper()
	for _, rec := range records {
		if err := s.w.Write(rec); err != nil {
			s.t.Fatalf("write %s: %v", rec.Kind(), err)
		}
	}
}

func (s *script) close() []byte {
	s.t.Helper()
	if err := s.w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.b.Bytes()
}

func (s *script) begin(projects ...testProject) {
	plan := &stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{}}
	for _, p := range projects {
		plan.Projects = append(plan.Projects, stream.PlannedProject{Workspace: p.workspace, Project: p.name, Experiments: new(int64(len(p.experiments)))})
	}
	s.write(plan)
}

// testProject is a project of a stream, and of a server that is seeded to be
// compared with.
type testProject struct {
	workspace, name string
	spec            comettest.ProjectSpec
	experiments     []comettest.ExperimentSpec
}

func (s *script) project(p testProject) {
	doc := s.doc(map[string]any{"projectName": p.name, "projectDescription": p.spec.Description, "public": p.spec.Public})
	rec := &stream.Project{Workspace: p.workspace, Name: p.name, Experiments: int64(len(p.experiments)), Doc: doc, Public: &p.spec.Public}
	if p.spec.ShareLinks > 0 { // else as in an older stream
		rec.ShareLinks = new(int64(p.spec.ShareLinks))
	}
	s.write(rec)
	for _, e := range p.experiments {
		s.experiment(p, e)
	}
	if p.spec.Notes != "" {
		s.write(&stream.Notes{Workspace: p.workspace, Project: p.name, Data: []byte(p.spec.Notes)})
	}
}

func (s *script) doc(v any) stream.Doc {
	s.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := stream.DocFromJSON(data)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// experiment writes a group.
func (s *script) experiment(p testProject, e comettest.ExperimentSpec) {
	s.open(p, e)
	s.values(stream.KindParameters, e.Parameters)
	others := e.Others
	if e.Name != "" {
		others = append([]comettest.Value{{Name: "Name", Value: e.Name, Time: e.Start}}, others...)
	}
	s.values(stream.KindOthers, others)
	s.system(e.System)
	if e.Git != nil {
		s.write(&stream.Document{Of: stream.KindGit, Doc: s.doc(map[string]any{
			"user": e.Git.User, "root": e.Git.Root, "branch": e.Git.Branch, "parent": e.Git.Parent, "origin": e.Git.Origin,
		})})
	}
	s.text(stream.KindGitPatch, e.GitPatch)
	for _, text := range []struct {
		kind stream.Kind
		text *string
	}{{stream.KindCode, e.Code}, {stream.KindGraph, e.Graph}, {stream.KindHTML, e.HTML}} {
		if text.text != nil {
			s.text(text.kind, append([]byte{}, *text.text...))
		}
	}
	if e.Output != nil {
		s.text(stream.KindOutput, []byte(strings.Join(e.Output, "")))
	}
	s.metrics(e.Points)
	for _, a := range e.Assets {
		s.asset(a)
	}
	s.write(&stream.ExperimentEnd{Key: e.Key})
}

func (s *script) open(p testProject, e comettest.ExperimentSpec) {
	doc := map[string]any{"experimentKey": e.Key}
	if e.FilePath != "" {
		doc["filePath"] = e.FilePath
	}
	rec := &stream.Experiment{
		Key: e.Key, Workspace: p.workspace, Project: p.name, Archived: e.Archived, Running: e.Running, Crashed: new(e.Crashed),
		Start: &e.Start, End: &e.End, Doc: s.doc(doc), Tags: slices.Concat([]string{}, e.Tags),
	}
	if e.Name != "" {
		rec.Name = &e.Name
	}
	s.write(rec)
}

// values writes parameters or others. Values of one name are its history.
func (s *script) values(kind stream.Kind, values []comettest.Value) {
	if len(values) == 0 {
		return
	}
	var names []string
	docs := make(map[string]map[string]any)
	for _, v := range values {
		d := docs[v.Name]
		if d == nil {
			d = map[string]any{"name": v.Name, "editable": false}
			docs[v.Name] = d
			names = append(names, v.Name)
		}
		for _, which := range []string{"Min", "Max", "Current"} {
			old, ok := d["value"+which].(string)
			if ok && which == "Min" && old <= v.Value || ok && which == "Max" && old >= v.Value {
				continue
			}
			d["value"+which], d["timestamp"+which], d["step"+which], d["runContext"+which] = v.Value, v.Time, v.Step, v.Context
		}
	}
	rec := &stream.Values{Of: kind}
	slices.Sort(names)
	for _, name := range names {
		rec.Values = append(rec.Values, s.doc(docs[name]))
	}
	s.write(rec)
}

func (s *script) system(fields map[string]any) {
	if fields == nil {
		return
	}
	doc, req := make(map[string]any), &stream.Requirements{}
	for name, v := range fields {
		switch name {
		case "installedPackages":
			req.Installed = v.([]string)
		case "osPackages":
			req.OS = v.([]string)
		default:
			doc[name] = v
		}
	}
	doc["systemMetricNames"], doc["maxTotalMemory"] = []string{"sys.x"}, 1.5
	s.write(&stream.Document{Of: stream.KindSystem, Doc: s.doc(doc)}, req)
}

// text writes a text in two pieces or more.
func (s *script) text(kind stream.Kind, data []byte) {
	if data == nil {
		return
	}
	n := max(1, min(len(data)/2, stream.MaxData))
	for ; len(data) > n; data = data[n:] {
		s.write(&stream.Text{Of: kind, Data: data[:n], More: true})
	}
	s.write(&stream.Text{Of: kind, Data: data})
}

func (s *script) metrics(points []comettest.MetricPoint) {
	byName := make(map[string][]stream.Point)
	for _, p := range points {
		sp := stream.Point{Value: stream.TextValue(p.Value), Time: stream.NewInt64(p.Time)}
		if p.Step != nil {
			sp.Step = stream.NewInt64(*p.Step)
		}
		if p.Epoch != nil {
			sp.Epoch = stream.NewInt64(*p.Epoch)
		}
		if p.Context != nil {
			sp.Context = stream.NewString(*p.Context)
		}
		byName[p.Metric] = append(byName[p.Metric], sp)
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		stream.SortPoints(byName[name])
		for rec := range stream.SplitMetrics(name, byName[name]) {
			s.write(rec)
		}
	}
}

// asset writes an asset, its bytes in two chunks or more.
func (s *script) asset(a comettest.AssetSpec) {
	s.openAsset(a, int64(len(a.Body)))
	half := len(a.Body) / 2
	s.chunks(a.Body[:half])
	s.chunks(a.Body[half:])
	s.endAsset(a.Body)
}

func (s *script) chunks(data []byte) {
	for piece := range slices.Chunk(data, stream.MaxData) {
		s.write(&stream.Chunk{Data: piece})
	}
}

func (s *script) endAsset(body []byte) {
	sum := sha256.Sum256(body)
	s.write(&stream.AssetEnd{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])})
}

func (s *script) openAsset(a comettest.AssetSpec, size int64) {
	dir := "assets"
	if a.Model != "" {
		dir = "models/" + a.Model
	}
	rec := &stream.Asset{ID: a.ID, Type: new(cmp.Or(a.Type, "asset")), Size: &size}
	if a.Name != "" {
		rec.Name = &a.Name
	}
	if a.Link != "" {
		rec.Remote = &a.Link
	}
	rec.Doc = s.doc(map[string]any{
		"assetId": a.ID, "fileName": a.Name, "fileSize": size, "type": rec.Type, "dir": dir,
		"step": a.Step, "epoch": a.Epoch, "runContext": a.Context, "metadata": a.Metadata, "remote": a.Link != "",
	})
	s.write(rec)
}

// seed puts projects on a server as an import should leave them.
func seed(srv *comettest.Server, workspace string, projects ...testProject) {
	for _, p := range projects {
		w := cmp.Or(workspace, p.workspace)
		srv.SeedProject(w, p.name, p.spec)
		for _, e := range p.experiments {
			srv.SeedExperiment(w, p.name, e)
		}
	}
}

// stateOf is what is compared of a server.
func stateOf(srv *comettest.Server) *comettest.State {
	s := srv.State(comettest.StateOptions{Texts: true, Portable: true})
	for _, w := range s.Workspaces {
		for _, p := range w.Projects {
			for i := range p.Experiments {
				e := &p.Experiments[i]
				for j := range e.Parameters {
					// How a parameter came to be cannot be read.
					e.Parameters[j].Source = ""
				}
				// A zip file holds the time it was made.
				if e.GitPatchSHA256 != "" {
					e.GitPatchSHA256 = "some"
				}
			}
		}
	}
	return s
}

func diffStates(t *testing.T, what string, want, got *comettest.State) {
	t.Helper()
	// Much quicker where they are equal, as they nearly always are.
	if reflect.DeepEqual(want, got) {
		return
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// newServer starts a server with the workspaces that the tests write to.
func newServer(t *testing.T, o comettest.Options) *comettest.Server {
	t.Helper()
	o.Workspaces = append(o.Workspaces, "team", "other")
	return comettest.Start(t, o)
}

// newClient returns a client that does not wait for long.
func newClient(t *testing.T, srv *comettest.Server, change ...func(*comet.Options)) *comet.Client {
	t.Helper()
	o := comet.Options{
		URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
		Retry: comet.Retry{Base: time.Millisecond, Cap: 20 * time.Millisecond, MaxElapsed: 20 * time.Second},
	}
	for _, f := range change {
		f(&o)
	}
	c, err := comet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// result is what an import told.
type result struct {
	*report.Summary
	outcomes []report.Outcome
	err      error
}

// issues returns all issues as texts, sorted.
func (r *result) issues() []string {
	var list []string
	for _, o := range r.outcomes {
		for _, i := range o.Issues {
			list = append(list, i.String())
		}
	}
	slices.Sort(list)
	return list
}

// of returns the outcome of an experiment.
func (r *result) of(t *testing.T, key string) report.Outcome {
	t.Helper()
	for _, o := range r.outcomes {
		if o.Kind == report.KindExperiment && o.SourceKey == key {
			return o
		}
	}
	t.Fatalf("no outcome of %q", key)
	return report.Outcome{}
}

// importTo runs an import.
func importTo(t *testing.T, c *comet.Client, data []byte, o Options) *result {
	t.Helper()
	return importIn(t.Context(), t, c, data, o)
}

// smallParts has small assets go to storage in parts, where a server takes them.
var smallParts = DirectSizes{From: 1 << 10, Part: 400 << 10}

func importIn(ctx context.Context, t *testing.T, c *comet.Client, data []byte, o Options) *result {
	t.Helper()
	r := new(result)
	o.Outcome = func(o *report.Outcome) { r.outcomes = append(r.outcomes, *o) }
	o.Settle = cmp.Or(o.Settle, 5*time.Millisecond)
	o.CleanupTime = cmp.Or(o.CleanupTime, time.Minute)
	o.TempDir = t.TempDir()
	o.Direct = smallParts
	r.Summary, r.err = Import(ctx, ctx, bytes.NewReader(data), c, o)
	if sum := r.Created + r.Completed + r.AlreadyThere + r.Elsewhere + r.Failed; sum != r.Read {
		t.Errorf("the balance is wrong: %+v", r.Summary)
	}
	return r
}

// succeed checks that an import has nothing to report.
func (r *result) succeed(t *testing.T) *result {
	t.Helper()
	if r.err != nil {
		t.Fatalf("import: %v", r.err)
	}
	for _, i := range r.issues() {
		t.Errorf("issue: %s", i)
	}
	return r
}

// writes counts the requests that may have changed something. A handshake for
// a key that is taken changes nothing, nor does a query.
func writes(srv *comettest.Server) map[string]int {
	found := make(map[string]int)
	for endpoint, n := range srv.Counts() {
		method, path, _ := strings.Cut(endpoint, " ")
		reads := strings.HasSuffix(path, "/logger/add/run") || strings.HasSuffix(path, "/project/query") || strings.HasSuffix(path, "/multi-metric-chart")
		if (method != http.MethodGet || strings.Contains(path, "/write/")) && !reads {
			found[endpoint] = n
		}
	}
	return found
}

var errKilled = errors.New("killed")

// A killer is a transport that ends everything at a certain request: before it
// is sent, or when it has been carried out and the answer is lost.
type killer struct {
	next  http.RoundTripper
	at    int64
	after bool
	n     atomic.Int64
	once  sync.Once
	kill  func()
}

func (k *killer) RoundTrip(req *http.Request) (*http.Response, error) {
	n := k.n.Add(1)
	if n > k.at || n == k.at && !k.after {
		k.once.Do(k.kill)
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errKilled
	}
	resp, err := k.next.RoundTrip(req)
	if n == k.at && err == nil {
		resp.Body.Close()
		k.once.Do(k.kill)
		return nil, errKilled
	}
	return resp, err
}

func newCancel(t *testing.T) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// forgetful makes a server say yes to the writes whose address has a text in it,
// and do nothing.
func forgetful(t *testing.T, text string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			write := r.Method == http.MethodPost || r.URL.Query().Has("consumerExperimentKey") || strings.Contains(r.URL.Path, "/write/")
			if !write || !strings.Contains(r.URL.String(), text) {
				next.ServeHTTP(w, r)
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"msg":"Saved","code":200,"registryModelItemId":"none"}`)
		})
	}
}

// answers gives the answer of a server to what is chosen of its requests, in
// place of its own, which may have been given all the same.
type answers struct {
	chosen func(*http.Request) bool
	done   bool // the server has done what it was asked for
	status int
	typ    string
	body   string
}

func (a *answers) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.chosen(r) {
			next.ServeHTTP(w, r)
			return
		}
		if a.done {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		w.Header().Set("Content-Type", cmp.Or(a.typ, "application/json"))
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	})
}

// nth chooses the n-th request whose address has a text in it, all of them if n
// is 0.
func nth(text string, n int64) func(*http.Request) bool {
	var seen atomic.Int64
	return func(r *http.Request) bool {
		return strings.Contains(r.URL.String(), text) && (seen.Add(1) == n || n == 0)
	}
}
