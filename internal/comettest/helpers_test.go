package comettest_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The key of the tests' owner, and two that may do less.
const (
	ownerKey  = "ownerkey"
	viewerKey = "viewerkey"
	noneKey   = "nonekey"
)

const (
	restBase = "/api/rest/v2/"
	altBase  = "/clientlib/rest/v2/"
	lib      = "/clientlib/"
)

// A key that the handshake takes, and that no test has used before.
const freeKey = "0123456789abcdef0123456789abcdef"

// tester talks to a server without a connection.
type tester struct {
	*testing.T
	srv *comettest.Server
	key string // sent as Authorization
}

func newTester(t *testing.T, opts comettest.Options) *tester {
	t.Helper()
	if opts.Keys == nil {
		opts.Keys = []comettest.Key{
			{Key: ownerKey, User: "alice", Email: "alice@example.com", Admin: true},
			{Key: viewerKey, User: "vic", Email: "vic@example.com", Workspaces: map[string]comettest.Role{"team": comettest.RoleViewer}},
			{Key: noneKey, User: "nemo", Workspaces: map[string]comettest.Role{"team": comettest.RoleNone}},
		}
	}
	opts.Workspaces = append(opts.Workspaces, "team")
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	srv, err := comettest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tester{t, srv, ownerKey}
}

// as is the same tester with another key.
func (t *tester) as(key string) *tester { return &tester{t.T, t.srv, key} }

func (t *tester) do(req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	if t.key != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", t.key)
	}
	rec := httptest.NewRecorder()
	t.srv.ServeHTTP(rec, req)
	return rec
}

func (t *tester) request(method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json;charset=utf-8")
	}
	return t.do(req)
}

// get returns the JSON document at path, which must be there.
func (t *tester) get(path string) map[string]any {
	t.Helper()
	return t.ok(t.request("GET", path, ""))
}

// post sends a JSON document and returns the answer to it.
func (t *tester) post(path, body string) map[string]any {
	t.Helper()
	return t.ok(t.request("POST", path, body))
}

func (t *tester) ok(rec *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	if got := rec.Header().Get("Content-Type"); got != "application/json" {
		t.Fatalf("content type %q", got)
	}
	var doc map[string]any
	dec := json.NewDecoder(rec.Body)
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// form is a multipart body: fields and at most one file.
func (t *tester) form(path string, fields map[string]string, file []byte) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	if file != nil {
		w, err := mw.CreateFormFile("file", "file")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(file)
	}
	for name, v := range fields {
		if err := mw.WriteField(name, v); err != nil {
			t.Fatal(err)
		}
	}
	mw.Close()
	req := httptest.NewRequestWithContext(t.Context(), "POST", path, &body)
	req.Header.Set("Content-Type", mw.FormDataContentType())
	return t.do(req)
}

// handshake makes an experiment in team/p.
func (t *tester) handshake(key string) map[string]any {
	t.Helper()
	return t.post(lib+"logger/add/run", `{"apiKey":"`+ownerKey+`","experimentKey":"`+key+`","projectName":"p","teamName":"team","offline":true}`)
}

// upload stores a small asset under an id.
func (t *tester) upload(key, id, query string, content []byte) {
	t.Helper()
	t.ok(t.form(lib+"asset/upload?experimentId="+key+"&assetId="+id+"&apiKey="+ownerKey+query, nil, content))
}

func (t *tester) experiment(key string) *comettest.ExperimentState {
	t.Helper()
	e := t.srv.State(comettest.StateOptions{Points: true, Texts: true}).Experiment(key)
	if e == nil {
		t.Fatalf("no experiment %q", key)
	}
	return e
}

func newRequest(t *testing.T, method, path, body string) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
}
