package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// sent is a request as a server gets it.
type sent struct {
	line   string // method, path and query
	header http.Header
	length int64
	body   string
}

// recorder is a fake network that keeps what is sent and answers with one
// document.
type recorder struct {
	t      *testing.T
	answer string
	got    []sent
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			r.t.Error(err)
		}
		if int64(len(body)) != req.ContentLength {
			r.t.Errorf("%s: Content-Length %d, body of %d bytes", req.URL.Path, req.ContentLength, len(body))
		}
	}
	length := int64(len(body))
	if req.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			r.t.Fatal(err)
		}
		if body, err = io.ReadAll(zr); err != nil {
			r.t.Error(err)
		}
	}
	line := req.Method + " " + req.URL.Path
	if q, _ := url.QueryUnescape(req.URL.RawQuery); q != "" {
		line += "?" + q
	}
	r.got = append(r.got, sent{line, req.Header, length, string(body)})
	if strings.HasSuffix(req.URL.Path, "/account-details") {
		return reply(req, 200, `{"userName":"u"}`), nil
	}
	return reply(req, 200, r.answer), nil
}

func newRecorder(t *testing.T, doc string, change ...func(*api.Options)) (*recorder, *Client) {
	r := &recorder{t: t, answer: doc}
	return r, offline(t, nil, append(change, func(o *api.Options) { o.Transport, o.Retry = r, quickRetry })...)
}

// anyTime replaces the one field of a body that is the clock's.
func anyTime(body string) string {
	i := strings.Index(body, `"local_timestamp":`)
	if i < 0 {
		return body
	}
	i += len(`"local_timestamp":`)
	j := i
	for j < len(body) && '0' <= body[j] && body[j] <= '9' {
		j++
	}
	return body[:i] + "NOW" + body[j:]
}

// write is a write with the request that it must make.
type write struct {
	name string
	do   func(context.Context, *Client) error
	line string
	body string
}

// writes is every write of JSON.
var writes = []write{
	{"handshake", func(ctx context.Context, c *Client) error {
		_, err := c.Experiments.Start(ctx, Handshake{Key: "K", Workspace: "w", Project: "p", Offline: true})
		return err
	}, "POST /clientlib/logger/add/run",
		`{"apiKey":"KEY","local_timestamp":NOW,"experimentKey":"K","offline":true,"projectName":"p","teamName":"w","libVersion":"3.47.0","getOrCreateEnabled":false}`},
	{"handshake without names", func(ctx context.Context, c *Client) error {
		_, err := c.Experiments.Start(ctx, Handshake{Key: "K", GetOrCreate: true})
		return err
	}, "POST /clientlib/logger/add/run",
		`{"apiKey":"KEY","local_timestamp":NOW,"experimentKey":"K","offline":false,"projectName":null,"teamName":null,"libVersion":"3.47.0","getOrCreateEnabled":true}`},
	{"resume", func(ctx context.Context, c *Client) error { _, err := c.Experiments.Open(ctx, "K"); return err },
		"POST /clientlib/logger/get/run",
		`{"apiKey":"KEY","local_timestamp":NOW,"previousExperiment":"K","libVersion":"3.47.0"}`},
	{"report status", func(ctx context.Context, c *Client) error {
		return c.Experiments.ReportStatus(ctx, &Run{ID: "R", Key: "K", ProjectID: "P"}, true, true)
	}, "POST /clientlib/status-report/update",
		`{"apiKey":"KEY","runId":"R","experimentKey":"K","projectId":"P","is_alive":true,"local_timestamp":NOW,"offline":true}`},
	{"offline times", func(ctx context.Context, c *Client) error {
		return c.Experiments.SetOfflineTimes(ctx, &Run{ID: "R", Key: "K"}, nil, 7)
	}, "POST /clientlib/status-report/offline-metadata",
		`{"apiKey":"KEY","runId":"R","experimentKey":"K","startTimestamp":null,"endTimestamp":7}`},
	{"times", func(ctx context.Context, c *Client) error {
		return c.Experiments.SetTimes(ctx, "K", new(int64(0)), nil)
	},
		"POST /api/rest/v2/write/experiment/set-start-end-time",
		`{"experimentKey":"K","startTimeMillis":0,"endTimeMillis":null}`},
	{"archive", func(ctx context.Context, c *Client) error { return c.Experiments.Archive(ctx, "K") },
		"GET /api/rest/v2/write/experiment/archive?experimentKey=K", ""},
	{"restore", func(ctx context.Context, c *Client) error { return c.Experiments.Restore(ctx, "K") },
		"GET /api/rest/v2/write/experiment/restore?experimentKey=K", ""},
	{"tags", func(ctx context.Context, c *Client) error {
		return c.Experiments.AddTags(ctx, "K", []string{"a", "été"})
	},
		"POST /api/rest/v2/write/experiment/tags", `{"experimentKey":"K","addedTags":["a","été"]}`},
	{"other", func(ctx context.Context, c *Client) error {
		return c.Others.Log(ctx, "K", "Name", wire.Quote("x\"y"), new(int64(5)))
	}, "POST /api/rest/v2/write/experiment/log-other", `{"experimentKey":"K","key":"Name","value":"x\"y","timestamp":5}`},
	{"other null", func(ctx context.Context, c *Client) error { return c.Others.Log(ctx, "K", "a", nil, nil) },
		"POST /api/rest/v2/write/experiment/log-other", `{"experimentKey":"K","key":"a","value":null}`},
	{"html", func(ctx context.Context, c *Client) error {
		return c.Texts.WriteHTML(ctx, "K", api.TextContent("<b>&</b>"), true, new(int64(9)))
	},
		"POST /api/rest/v2/write/experiment/html", `{"experimentKey":"K","override":true,"timestamp":9,"html":"<b>&</b>"}`},
	{"html appended", func(ctx context.Context, c *Client) error {
		return c.Texts.WriteHTML(ctx, "K", api.TextContent(""), false, nil)
	},
		"POST /api/rest/v2/write/experiment/html", `{"experimentKey":"K","override":false,"html":""}`},
	{"code", func(ctx context.Context, c *Client) error {
		return c.Texts.WriteCode(ctx, "K", api.TextContent("x = 1\n"))
	},
		"POST /api/rest/v2/write/experiment/code", `{"experimentKey":"K","code":"x = 1\n"}`},
	{"graph", func(ctx context.Context, c *Client) error { return c.Texts.WriteGraph(ctx, "K", api.TextContent("{}")) },
		"POST /api/rest/v2/write/experiment/graph", `{"experimentKey":"K","graph":"{}"}`},
	{"file path", func(ctx context.Context, c *Client) error { return c.Texts.WriteFilePath(ctx, "K", "/a/b.py") },
		"POST /api/rest/v2/write/experiment/file-path", `{"experimentKey":"K","filePath":"/a/b.py"}`},
	{"output", func(ctx context.Context, c *Client) error {
		return c.Texts.WriteOutput(ctx, "K", []OutputLine{{Text: "a\n", Time: 3}, {Text: "b", Stderr: true, Time: 4, Offset: 1}})
	}, "POST /clientlib/rest/v2/write/experiment/output",
		`{"experimentKey":"K","runContext":null,"outputLines":[{"stderr":false,"output":"a\n","localTimestamp":3,"offset":0},` +
			`{"stderr":true,"output":"b","localTimestamp":4,"offset":1}]}`},
	{"system details", func(ctx context.Context, c *Client) error {
		return c.Origins.WriteSystem(ctx, "K", json.RawMessage(`{"experimentKey":"other","user":"root","pid":1.50,"env":{"A":"b"}}`))
	}, "POST /clientlib/rest/v2/write/experiment/system-details", `{"experimentKey":"K","user":"root","pid":1.50,"env":{"A":"b"}}`},
	{"git metadata", func(ctx context.Context, c *Client) error {
		return c.Origins.WriteGit(ctx, "K", &Git{User: new("u"), Root: new("")})
	}, "POST /api/rest/v2/write/experiment/git/metadata",
		`{"experimentKey":"K","user":"u","root":"","branch":null,"parent":null,"origin":null}`},
	{"workspace", func(ctx context.Context, c *Client) error { return c.Workspaces.Create(ctx, "w") },
		"POST /api/rest/v2/write/workspace/new", `{"name":"w"}`},
	{"project", func(ctx context.Context, c *Client) error {
		_, err := c.Projects.Create(ctx, NewProject{Workspace: "w", Name: "p", Public: true})
		return err
	}, "POST /api/rest/v2/write/project/create",
		`{"workspaceName":"w","projectName":"p","projectDescription":null,"isPublic":true}`},
	{"update project", func(ctx context.Context, c *Client) error {
		return c.Projects.Update(ctx, "P", ProjectUpdate{Description: new(""), Public: new(false)})
	}, "POST /api/rest/v2/write/project/update", `{"projectId":"P","newProjectDescription":"","isPublic":false}`},
	{"rename project", func(ctx context.Context, c *Client) error {
		return c.Projects.Update(ctx, "P", ProjectUpdate{Name: new("n")})
	}, "POST /api/rest/v2/write/project/update", `{"projectId":"P","newProjectName":"n"}`},
	{"notes", func(ctx context.Context, c *Client) error {
		return c.Projects.WriteNotes(ctx, "P", api.TextContent("# n"))
	},
		"POST /api/rest/v2/write/project/notes", `{"projectId":"P","notes":"# n"}`},
	{"symlink", func(ctx context.Context, c *Client) error { return c.Projects.Symlink(ctx, "K", "p q") },
		"GET /api/rest/v2/write/project/symlink?experimentKey=K&projectName=p q", ""},
	{"share link", func(ctx context.Context, c *Client) error { return c.Projects.AddShareLink(ctx, "P") },
		"GET /api/rest/v2/write/project/add-share-link?projectId=P", ""},
}

// savedDoc acknowledges any write, with what the calls give in return.
const savedDoc = `{"msg":"Saved","code":200,"data":null,"sdk_error_code":0,"version":"9.9.9",
	"runId":"R","experimentKey":"K","projectId":"P","link":"https://h/l","artifactId":"A","artifactVersionId":"V",
	"tags":[],"currentVersion":"1.0.0","registryModelItemId":"I","templateId":"T"}`

func TestWrites(t *testing.T) {
	for _, tc := range writes {
		t.Run(tc.name, func(t *testing.T) {
			r, c := newRecorder(t, savedDoc)
			if err := tc.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if len(r.got) != 1 {
				t.Fatalf("%d requests", len(r.got))
			}
			got := r.got[0]
			if got.line != tc.line {
				t.Errorf("got  %s\nwant %s", got.line, tc.line)
			}
			if diff := cmp.Diff(strings.Replace(tc.body, "KEY", testKey, 1), anyTime(got.body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if ct := got.header.Get("Content-Type"); tc.body != "" && ct != "application/json;charset=utf-8" {
				t.Errorf("Content-Type %q", ct)
			}
			if got.header.Get("Authorization") != testKey {
				t.Error("no key in the header")
			}
		})
	}
}

func TestUpdateStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		want    error
	}{"new": {"3.7.91", nil}, "old": {"3.7.90", api.ErrUnsupported}} {
		t.Run(name, func(t *testing.T) {
			r, c := newRecorder(t, `{"msg":"Saved","code":200,"version":"`+tc.version+`"}`)
			err := c.Experiments.UpdateStatus(t.Context(), "K", Status{Crashed: true, Error: new("oom")})
			if !errors.Is(err, tc.want) {
				t.Fatal(err)
			}
			last := r.got[len(r.got)-1]
			if tc.want == nil && (last.line != "POST /api/rest/v2/write/experiment/update-status" ||
				last.body != `{"experimentKey":"K","isAlive":false,"error":"oom","hasCrashed":true}`) {
				t.Errorf("sent %s %s", last.line, last.body)
			}
			if tc.want != nil && len(r.got) != 1 {
				t.Errorf("%d requests", len(r.got))
			}
		})
	}
}

func TestHandshakeAnswer(t *testing.T) {
	_, c := newRecorder(t, `{"runId":"R","project_id":null,"experimentKey":"K","name":"brave","focusUrl":"https://h/w/p/",
		"upload_file_size_limit_in_mb":"300","asset_upload_file_size_limit_in_mb":-1,"uploadVideoMaxSizeMB":2000,
		"assetNameMaxLength":500,"imageNameMaxLength":null}`)
	got, err := c.Experiments.Start(t.Context(), Handshake{Key: "K"})
	if err != nil {
		t.Fatal(err)
	}
	got.Raw = nil
	want := &Run{ID: "R", Key: "K", Name: "brave", FocusURL: "https://h/w/p/", MaxUpload: 300 << 20, MaxAsset: 100_000 << 20,
		MaxVideo: 2000 << 20, MaxAssetName: 500}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, c = newRecorder(t, savedDoc)
	got, err = c.Experiments.Start(t.Context(), Handshake{Key: "K"})
	if err != nil || got.Key != "K" || got.MaxUpload != 200<<20 || got.MaxVideo != 200<<20 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnswers(t *testing.T) {
	_, c := newRecorder(t, `{"projectId":"P","experimentKey":"K","link":"https://h/l"}`)
	if id, err := c.Projects.Create(t.Context(), NewProject{}); id != "P" || err != nil {
		t.Errorf("project %q, %v", id, err)
	}
}

func TestWriteMetrics(t *testing.T) {
	r, c := newRecorder(t, savedDoc)
	var b Batch
	if err := c.Metrics.Write(t.Context(), "K", &b); err != nil || len(r.got) != 0 {
		t.Fatalf("an empty batch makes %d requests, %v", len(r.got), err)
	}
	for _, v := range []string{"0.5", "1.0E-5", "-0", "1234567890123456789012345678901234567890", "NaN", "Infinity", "-Infinity", "True", "01", "", "a\"b"} {
		b.AddMetric(&MetricValue{Name: "m/é\n", Value: []byte(v), Step: IntOf(-1), Epoch: Int{}, Context: new("train"), Time: IntOf(9)})
	}
	b.AddMetric(&MetricValue{Name: "", Value: []byte("1"), Context: new("")})
	if b.Len() != 12 {
		t.Errorf("length %d", b.Len())
	}
	if err := c.Metrics.Write(t.Context(), "K", &b); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, v := range []string{"0.5", "1.0E-5", "-0", "1234567890123456789012345678901234567890", `"NaN"`, `"Infinity"`, `"-Infinity"`, `"True"`, `"01"`, `""`, `"a\"b"`} {
		want = append(want, `{"metricName":"m/é\n","metricValue":`+v+`,"step":-1,"epoch":null,"context":"train","timestamp":9}`)
	}
	want = append(want, `{"metricName":"","metricValue":1,"step":null,"epoch":null,"context":"","timestamp":null}`)
	got := r.got[0]
	if diff := cmp.Diff(`{"experimentKey":"K","values":[`+strings.Join(want, ",")+`]}`, got.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.line != "POST /clientlib/batch/logger/experiment/metric" || got.header.Get("Content-Encoding") != "gzip" || got.length >= int64(len(got.body)) {
		t.Errorf("%s, %s, %d bytes", got.line, got.header.Get("Content-Encoding"), got.length)
	}
	b.Reset()
	b.AddMetric(&MetricValue{Name: "x", Value: []byte("1")})
	if b.Len() != 1 || b.Size() != len(appendMetric(nil, &MetricValue{Name: "x", Value: []byte("1")})) {
		t.Errorf("after reset: %d values, %d bytes", b.Len(), b.Size())
	}
}

// TestWriteWithoutBatches writes to a server that takes values one by one, and
// refuses the third.
func TestWriteWithoutBatches(t *testing.T) {
	var asked []string
	writes := 0
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		asked = append(asked, req.URL.Path)
		switch path := req.URL.Path; {
		case strings.HasSuffix(path, "/account-details"):
			return reply(req, 200, `{"userName":"u"}`), nil
		case strings.Contains(path, "/batch/"):
			return reply(req, 404, `{"msg":"HTTP 404 Not Found","code":404}`), nil
		case strings.HasSuffix(path, "/metric"):
			if writes++; writes == 3 {
				return reply(req, 400, `{"msg":"no"}`), nil
			}
		}
		return reply(req, 200, savedDoc), nil
	})
	var b Batch
	for range 4 {
		b.AddMetric(&MetricValue{Name: "m", Value: []byte("1")})
	}
	if err := c.Metrics.Write(t.Context(), "K", &b); !errors.Is(err, api.ErrUncertain) || writes != 3 {
		t.Errorf("%v after %d writes, want it uncertain after 3", err, writes)
	}
	writes = 2
	if err := c.Metrics.Write(t.Context(), "K", &b); err == nil || errors.Is(err, api.ErrUncertain) || writes != 3 {
		t.Errorf("%v after %d writes, want the first refused", err, writes-2)
	}
	if n := strings.Count(strings.Join(asked, " "), "/batch/"); n != 4 {
		t.Errorf("%d batches", n)
	}
	asked = nil
	b.Reset()
	b.AddParameter(&ParameterValue{Name: "p", Value: wire.Quote("1")})
	b.AddParameter(&ParameterValue{Name: "q", Value: wire.Quote("2")})
	if err := c.Parameters.Write(t.Context(), "K", &b); err != nil || len(asked) < 3 || asked[len(asked)-1] != "/api/rest/v2/write/experiment/parameter" {
		t.Errorf("%v, %q", err, asked)
	}
}

func TestWriteParameters(t *testing.T) {
	r, c := newRecorder(t, savedDoc)
	var b Batch
	b.AddParameter(&ParameterValue{Name: "lr", Value: wire.Quote("0.1"), Step: IntOf(3), Source: "cli", Context: new("c"), Time: IntOf(9)})
	b.AddParameter(&ParameterValue{Name: "l", Value: json.RawMessage(`[1,"NaN"]`)})
	b.AddParameter(&ParameterValue{Name: "n"})
	if err := c.Parameters.Write(t.Context(), "K", &b); err != nil {
		t.Fatal(err)
	}
	want := `{"experimentKey":"K","values":[` +
		`{"parameterName":"lr","parameterValue":"0.1","step":3,"source":"cli","context":"c","timestamp":9},` +
		`{"parameterName":"l","parameterValue":[1,"NaN"],"step":null,"source":"manual","context":null,"timestamp":null},` +
		`{"parameterName":"n","parameterValue":null,"step":null,"source":"manual","context":null,"timestamp":null}]}`
	if diff := cmp.Diff(want, r.got[0].body); diff != "" || r.got[0].line != "POST /clientlib/batch/logger/experiment/parameter" {
		t.Errorf("%s (-want +got):\n%s", r.got[0].line, diff)
	}
}

// Where the Python SDK's place for some writes is missing, the documented one
// is taken, and remembered: at once where the server says so itself, and where
// anyone may have said so when enough writes have turned out not to be done.
func TestAltFallsBack(t *testing.T) {
	const alt, documented = "/clientlib/rest/v2/write/experiment/output", "/api/rest/v2/write/experiment/output"
	for name, tc := range map[string]struct {
		missing http.HandlerFunc
		doubts  int // writes that turn out not to be done
		tries   int // of the first that falls back
	}{
		"its own words": {status(404, `{"msg":"HTTP 404 Not Found","code":404}`), 0, 4},
		"a page":        {http.NotFound, 4, 0},
	} {
		var asked, want []string
		c := newTestClient(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "account-details"):
			case strings.HasPrefix(r.URL.Path, "/clientlib/"):
				asked = append(asked, r.URL.Path)
				tc.missing(w, r)
				return
			default:
				asked = append(asked, r.URL.Path)
			}
			answer(savedDoc)(w, r)
		}})
		write := func() error { return c.Texts.WriteOutput(t.Context(), "K", []OutputLine{{Text: "x"}}) }
		for range tc.doubts {
			err := write()
			if !errors.Is(err, api.ErrUncertain) {
				t.Fatalf("%s: %v, want it uncertain", name, err)
			}
			c.NotDone(err)
			want = append(want, alt)
		}
		for range 2 {
			if err := write(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		want = append(want, slices.Repeat([]string{alt}, tc.tries)...)
		if diff := cmp.Diff(append(want, documented, documented), asked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// A missing experiment is no missing place.
	c := newTestClient(t, map[string]http.HandlerFunc{"/": status(404, `{"msg":"no such experiment"}`)})
	if err := c.Origins.WriteSystem(t.Context(), "K", json.RawMessage(`{}`)); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := c.Origins.WriteSystem(t.Context(), "K", json.RawMessage(`{`)); err == nil {
		t.Error("broken details are sent")
	}
}

func BenchmarkAddMetric(b *testing.B) {
	var batch Batch
	v := MetricValue{Name: "validate/accuracy", Step: IntOf(123456), Context: new("validate"), Time: IntOf(1592593124000)}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if batch.Len() == MaxBatch {
			batch.Reset()
		}
		v.Value = fmt.Append(v.Value[:0], i)
		batch.AddMetric(&v)
		i++
	}
}
