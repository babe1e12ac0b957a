package comet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorded is a request of an official client, and what it was answered.
type recorded struct {
	Method, Path string
	Query        [][2]string
	Headers      map[string]string
	Body, Answer recordedBody
}

type recordedBody struct {
	JSON   json.RawMessage
	Text   *string
	Base64 []byte
}

func (b recordedBody) bytes() []byte {
	switch {
	case b.Text != nil:
		return []byte(*b.Text)
	case b.Base64 != nil:
		return b.Base64
	}
	return b.JSON
}

func (r *recorded) query() url.Values {
	q := make(url.Values)
	for _, p := range r.Query {
		q.Add(p[0], p[1])
	}
	return q
}

// traffic reads a recording, which lies beside the repository.
func traffic(t *testing.T, file string) []recorded {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "traffic", file))
	if err != nil {
		t.Skip("no recorded traffic here:", err)
	}
	defer f.Close()
	var list []recorded
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var r recorded
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if err := sc.Err(); err != nil || len(list) == 0 {
		t.Fatalf("%d requests recorded, %v", len(list), err)
	}
	return list
}

// TestTrafficReads reads what official clients were answered.
func TestTrafficReads(t *testing.T) {
	answers := make(map[string][]byte)
	keys := make(map[string]bool)
	for _, r := range traffic(t, "sdk-reads.jsonl") {
		q := r.query()
		answers[r.Path+"?"+q.Get("experimentKey")+q.Get("metricName")] = r.Answer.bytes()
		if k := q.Get("experimentKey"); k != "" {
			keys[k] = true
		}
	}
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		q := req.URL.Query()
		if doc, ok := answers[req.URL.Path+"?"+q.Get("experimentKey")+q.Get("metricName")]; ok {
			return reply(req, 200, string(doc)), nil
		}
		return reply(req, 404, `{"msg":"experiment not found"}`), nil
	})
	ctx := t.Context()
	listed := 0
	for e, err := range c.Experiments.List(ctx, Listing{Workspace: "team", Project: "vision"}) {
		if err != nil || e.Key == "" || e.Start == nil || e.Project != "vision" {
			t.Errorf("listed %+v, %v", e, err)
		}
		listed++
	}
	metrics, points := 0, 0
	for key := range keys {
		list, err := ValuesOf(c.Metrics.Each)(ctx, key)
		if err != nil {
			continue // not every call was recorded for every experiment
		}
		metrics += len(list)
		for _, m := range list {
			if m.Name == "" || m.Current.Value == nil {
				t.Errorf("metric %+v", m)
			}
			if answers["/api/rest/v2/experiment/metrics/get-metric?"+key+m.Name] == nil {
				continue
			}
			err := c.Metrics.Points(ctx, key, m.Name, nil, func(p *Point) error {
				points++
				if p.Name != m.Name || p.Kind != StringValue || !p.Time.OK || p.Extra != nil {
					t.Errorf("point %+v", p)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	if listed == 0 || metrics == 0 || points == 0 {
		t.Errorf("%d experiments, %d metrics, %d points", listed, metrics, points)
	}
}

// TestTrafficUploads makes the uploads that the Python SDK made, and compares
// query and body with its own.
func TestTrafficUploads(t *testing.T) {
	compared := 0
	for _, r := range traffic(t, "sdk-live.jsonl") {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.Path, "/upload") {
			continue
		}
		body := r.Body.bytes()
		if body == nil {
			continue
		}
		want := r.query()
		u, form := uploadOf(t, &r)
		rec, c := newRecorder(t, savedDoc)
		send := c.Assets.Upload
		if strings.Contains(r.Path, "visualizations") {
			send = c.Assets.UploadVisualization
		}
		if err := send(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		got := rec.got[0]
		_, line, _ := strings.Cut(got.line, "?")
		want.Set("apiKey", testKey)
		wantLine, err := url.QueryUnescape(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantLine, line); diff != "" {
			t.Errorf("query (-SDK +ours):\n%s", diff)
		}
		_, boundary, _ := strings.Cut(got.header.Get("Content-Type"), "boundary=")
		if diff := cmp.Diff(strings.ReplaceAll(string(body), form, boundary), got.body); diff != "" {
			t.Errorf("body (-SDK +ours):\n%s", diff)
		}
		compared++
	}
	if compared < 5 {
		t.Errorf("%d uploads compared", compared)
	}
}

// uploadOf returns the upload that a recorded request makes, and the boundary
// of its form.
func uploadOf(t *testing.T, r *recorded) (*Upload, string) {
	t.Helper()
	q := r.query()
	number := func(name string) *int64 {
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	u := &Upload{
		Run: &Run{ID: q.Get("runId"), Key: q.Get("experimentId"), ProjectID: q.Get("projectId")},
		ID:  q.Get("assetId") + q.Get("imageId"), Name: q.Get("fileName") + q.Get("figName"), Type: q.Get("type"),
		Extension: q.Get("extension"), Step: number("step"), Epoch: number("epoch"), Overwrite: q.Get("overwrite") == "True",
		Model: q.Get("groupingName"),
	}
	if n := number("figCounter"); n != nil {
		u.FigureCounter = int(*n)
	}
	if q.Has("context") {
		u.Context = new(q.Get("context"))
	}
	_, params, err := mime.ParseMediaType(r.Headers["content-type"])
	if err != nil {
		t.Fatal(err)
	}
	mr := multipart.NewReader(bytes.NewReader(r.Body.bytes()), params["boundary"])
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return u, params["boundary"]
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		switch p.FormName() {
		case "file":
			u.Open, u.Size = fromText(string(data)), int64(len(data))
		case "link":
			u.Link = new(string(data))
		case "metadata":
			u.Metadata = data
		}
	}
}
