package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The recorded traffic of official clients stands beside the repository.
const trafficDir = "../../../shared/traffic"

// exchange is one request of a recording and its answer.
type exchange struct {
	Method  string
	Path    string
	Query   [][2]string
	Headers map[string]string
	Body    recordedBody
	Status  int
	Answer  recordedBody
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

// replay sends a recording to an instance. The ids that its server chose stand
// in place of the recorded ones; experiments and assets have ids of the client.
func replay(t *testing.T, in *instance, traffic []exchange) {
	t.Helper()
	ids := make(map[string]string)
	replaced := func(text string) string {
		for theirs, ours := range ids {
			text = strings.ReplaceAll(text, theirs, ours)
		}
		return text
	}
	for i, x := range traffic {
		body := []byte(replaced(string(x.Body.bytes())))
		if x.Headers["content-encoding"] == "gzip" {
			body = packed(t, body)
		}
		req := httptest.NewRequestWithContext(t.Context(), x.Method, "http://comet.test"+x.Path+"?"+replaced(x.query().Encode()), bytes.NewReader(body))
		for name, value := range x.Headers {
			req.Header.Set(name, value)
		}
		rec := httptest.NewRecorder()
		in.ServeHTTP(rec, req)
		if rec.Code != x.Status {
			t.Fatalf("request %d, %s %s: status %d, want %d: %s", i+1, x.Method, x.Path, rec.Code, x.Status, rec.Body)
		}
		learn(ids, x.Answer.JSON, rec.Body.Bytes())
	}
}

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// learn notes which ids of ours stand for those of a recorded answer.
func learn(ids map[string]string, theirs, ours []byte) {
	type answer struct {
		RunID     string `json:"runId"`
		ProjectID string `json:"project_id"`
	}
	var a, b answer
	if json.Unmarshal(theirs, &a) != nil || json.Unmarshal(ours, &b) != nil {
		return
	}
	for old, now := range map[string]string{a.RunID: b.RunID, a.ProjectID: b.ProjectID} {
		if old != "" && now != "" {
			ids[old] = now
		}
	}
}

// What the official client logs, live and from an offline archive, is all in an
// export, and goes through an import unchanged.
func TestRecordedTraffic(t *testing.T) {
	for _, name := range []string{"sdk-live", "sdk-offline-upload"} {
		t.Run(name, func(t *testing.T) {
			traffic := readTraffic(t, name)
			src := start(t, comettest.Options{Keys: []comettest.Key{{Key: "KEY", User: "alice"}}, Workspaces: []string{"team"}})
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			replay(t, src, traffic)
			stream := runExport(src, "team/vision").want(t, cli.ExitOK).stdout
			if diff := cmp.Diff(loggedBy(t, traffic), heldBy(t, stream)); diff != "" {
				t.Errorf("the export differs from what was logged (-logged +exported):\n%s", head(diff))
			}
			runImport(dst, stream, "lab/vision").want(t, cli.ExitOK)
			sameProject(t, src, "team/vision", dst, "lab/vision")
			importAgain(t, dst, stream, "lab/vision")
		})
	}
}
