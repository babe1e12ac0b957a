package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The recorded traffic stands beside the repository, not in it.
const trafficDir = "../../../shared/traffic"

// exchange is one line of a recording: a request and its answer.
type exchange struct {
	Method     string
	Path       string
	Query      [][2]string
	Headers    map[string]string
	Body       recordedBody
	Status     int
	AnswerType string `json:"answer_type"`
	Answer     recordedBody
}

type recordedBody struct {
	JSON   json.RawMessage
	Text   string
	Base64 []byte
}

func (b recordedBody) bytes() []byte {
	switch {
	case b.JSON != nil:
		return b.JSON
	case b.Base64 != nil:
		return b.Base64
	}
	return []byte(b.Text)
}

func (x exchange) query() url.Values {
	q := url.Values{}
	for _, kv := range x.Query {
		q.Add(kv[0], kv[1])
	}
	return q
}

func readTraffic(t *testing.T, name string) []exchange {
	t.Helper()
	f, err := os.Open(filepath.Join(trafficDir, name+".jsonl"))
	if os.IsNotExist(err) {
		t.Skipf("the recorded traffic is not there: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []exchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var x exchange
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// replayer sends recorded requests, with the ids of the recording's answers
// replaced by those of ours.
type replayer struct {
	t   *testing.T
	srv http.Handler
	ids map[string]string
}

// idFields are the fields of answers that later requests use.
var idFields = []string{"runId", "project_id", "projectId", "experimentKey", "assetId", "experimentModelId"}

func (r *replayer) replace(text string) string {
	for old, id := range r.ids {
		text = strings.ReplaceAll(text, old, id)
	}
	return text
}

func (r *replayer) send(x exchange) *httptest.ResponseRecorder {
	body := []byte(r.replace(string(x.Body.bytes())))
	if x.Headers["content-encoding"] == "gzip" {
		var buf bytes.Buffer
		zw := gzip.NewWriter(&buf)
		zw.Write(body)
		zw.Close()
		body = buf.Bytes()
	}
	req := httptest.NewRequestWithContext(r.t.Context(), x.Method, "http://comet.test"+x.Path+"?"+r.replace(x.query().Encode()), bytes.NewReader(body))
	for name, v := range x.Headers {
		req.Header.Set(name, v)
	}
	rec := httptest.NewRecorder()
	r.srv.ServeHTTP(rec, req)
	return rec
}

// learn notes which id of ours stands for one of the recording.
func (r *replayer) learn(theirs, ours any) {
	old, ok := theirs.(map[string]any)
	if !ok {
		return
	}
	have, _ := ours.(map[string]any)
	for _, name := range idFields {
		a, aok := old[name].(string)
		b, bok := have[name].(string)
		if aok && bok && a != "" && a != b {
			r.ids[a] = b
		}
	}
}

// replay sends a recording and compares the answers.
func (r *replayer) replay(name string) {
	r.t.Helper()
	for i, x := range readTraffic(r.t, name) {
		what := fmt.Sprintf("%s:%d: %s %s", name, i+1, x.Method, x.Path)
		rec := r.send(x)
		if rec.Code != x.Status {
			r.t.Fatalf("%s: status %d, want %d: %s", what, rec.Code, x.Status, rec.Body)
		}
		if got := rec.Header().Get("Content-Type"); got != x.AnswerType {
			r.t.Errorf("%s: content type %q, want %q", what, got, x.AnswerType)
		}
		if x.AnswerType != "application/json" {
			if want := x.Answer.bytes(); !bytes.Equal(rec.Body.Bytes(), want) {
				r.t.Errorf("%s: body of %d bytes differs from the recorded %d", what, rec.Body.Len(), len(want))
			}
			continue
		}
		var theirs, ours any
		if err := json.Unmarshal(x.Answer.JSON, &theirs); err != nil {
			r.t.Fatal(err)
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &ours); err != nil {
			r.t.Fatalf("%s: answer is no JSON: %v", what, err)
		}
		for _, diff := range shapeDiff("", theirs, ours) {
			r.t.Errorf("%s: %s", what, diff)
		}
		r.learn(theirs, ours)
	}
}

// shapeDiff lists the fields of want that got lacks or has with another type.
// null fits every type; lists are compared by what their first items have.
func shapeDiff(path string, want, got any) []string {
	if want == nil || got == nil {
		return nil
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []string{fmt.Sprintf("%s is %T, want %T", path, got, want)}
	}
	var diffs []string
	switch want := want.(type) {
	case map[string]any:
		for name, v := range want {
			w, ok := got.(map[string]any)[name]
			if !ok {
				diffs = append(diffs, path+"."+name+" is missing")
			}
			diffs = append(diffs, shapeDiff(path+"."+name, v, w)...)
		}
	case []any:
		have := got.([]any)
		if len(have) < len(want) {
			diffs = append(diffs, fmt.Sprintf("%s has %d items, want %d", path, len(have), len(want)))
		}
		for i := range min(len(want), len(have)) {
			diffs = append(diffs, shapeDiff(fmt.Sprintf("%s[%d]", path, i), want[i], have[i])...)
		}
	}
	return diffs
}

func newReplayer(t *testing.T, srv http.Handler) *replayer {
	return &replayer{t: t, srv: srv, ids: make(map[string]string)}
}

// The recorded requests of official clients are all taken, and answered in
// the shape that those clients were seen to read.
func TestReplay(t *testing.T) {
	srv := start(t, comettest.Options{Keys: []comettest.Key{{Key: "KEY", User: "alice"}}, Workspaces: []string{"team", "team2"}})
	r := newReplayer(t, srv)
	for _, name := range []string{"sdk-live", "sdk-rest-writes", "sdk-offline-upload", "sdk-reads", "cometx-download", "cometx-copy"} {
		r.replay(name)
	}
	for endpoint := range srv.Counts() {
		if endpoint == "unknown" {
			t.Errorf("the server did not know a call")
		}
	}
}
