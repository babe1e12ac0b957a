package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// portable looks at what can go from one server to another: no more than what
// can be read and written.
var portable = comettest.StateOptions{Portable: true, Readable: true}

// projectState returns the portable state of a project, given as
// workspace/project. It fails the test if there is none.
func projectState(t testing.TB, in *instance, path string, o comettest.StateOptions) *comettest.ProjectState {
	t.Helper()
	o.Portable, o.Readable = true, true
	workspace, name, _ := strings.Cut(path, "/")
	p := in.State(o).Project(workspace, name)
	if p == nil {
		t.Fatalf("there is no project %q", path)
	}
	return p
}

// asImported changes the state of a source into what the destination must
// have, where the two differ with a reason. docs/fidelity.md states each.
func asImported(p *comettest.ProjectState) {
	for i := range p.Experiments {
		experimentAsImported(&p.Experiments[i])
	}
}

func experimentAsImported(e *comettest.ExperimentState) {
	e.OptimizationID = nil
	if e.GitPatchSHA256 != "" {
		e.GitPatchSHA256 = "of its zip, which is another"
	}
	for name, raw := range e.System {
		if text := string(raw); text == "[]" || text == "{}" {
			delete(e.System, name) // servers answer so where there is none
		}
	}
	for i := range e.Assets {
		if a := &e.Assets[i]; a.Metadata != nil && *a.Metadata == "" {
			a.Metadata = nil // an empty text means none
		}
	}
}

// sameProject compares a project of the source with its copy, whose name may
// differ.
func sameProject(t testing.TB, src *instance, from string, dst *instance, to string) {
	t.Helper()
	compare := func(o comettest.StateOptions) string {
		want, got := projectState(t, src, from, o), projectState(t, dst, to, o)
		asImported(want)
		asImported(got)
		got.Name = want.Name
		return diff(want, got)
	}
	if compare(comettest.StateOptions{}) == "" {
		return
	}
	t.Errorf("%s differs from %s (-source +destination):\n%s", to, from, head(compare(comettest.StateOptions{Points: true, Texts: true})))
}

// sameExperiment compares an experiment of two states.
func sameExperiment(t testing.TB, want, got *comettest.ExperimentState) {
	t.Helper()
	if want == nil || got == nil {
		t.Fatalf("the experiment is missing: source %v, destination %v", want != nil, got != nil)
	}
	experimentAsImported(want)
	experimentAsImported(got)
	if diff := diff(want, got); diff != "" {
		t.Errorf("the experiment differs (-source +destination):\n%s", head(diff))
	}
}

// samePatch compares the git patches of an experiment on two instances.
func samePatch(t testing.TB, src, dst *instance, key string) {
	t.Helper()
	if want, got := gitPatch(t, src, key), gitPatch(t, dst, key); !bytes.Equal(want, got) {
		t.Errorf("the git patch differs (-source +destination):\n%s", head(cmp.Diff(string(want), string(got))))
	}
}

// diff compares two values. cmp takes its time for large ones that are equal.
func diff(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// head returns the beginning of a long text.
func head(text string) string {
	const limit = 6000
	if len(text) > limit {
		return text[:limit] + fmt.Sprintf("\n… (%d bytes more)", len(text)-limit)
	}
	return text
}

// whole is the state with everything in it, as text for comparison.
func whole(in *instance) *comettest.State { return in.State(comettest.StateOptions{}) }

// unchanged fails the test if the state of an instance is not the one from
// before, apart from nothing.
func unchanged(t testing.TB, what string, before, after *comettest.State) {
	t.Helper()
	if diff := diff(before, after); diff != "" {
		t.Errorf("%s has changed (-before +after):\n%s", what, head(diff))
	}
}

// writes returns how many of an instance's requests would change something:
// all but reads and the handshake of an experiment that exists.
func writes(in *instance) map[string]int {
	found := make(map[string]int)
	for endpoint, n := range in.Counts() {
		_, path, _ := strings.Cut(endpoint, " ")
		switch {
		case strings.Contains(path, "/write/"), strings.Contains(path, "/batch/"), strings.Contains(path, "upload"),
			strings.Contains(path, "status-report"), strings.Contains(path, "add-tags"), strings.Contains(path, "symlink"):
			found[endpoint] = n
		}
	}
	return found
}

// assetBody downloads an asset of an experiment.
func assetBody(t testing.TB, in *instance, key, id string) []byte {
	t.Helper()
	return get(t, in, "experiment/asset/get-asset", url.Values{"experimentKey": {key}, "assetId": {id}})
}

// gitPatch downloads the git patch of an experiment and takes it out of its
// zip. Where there is none it returns nil.
func gitPatch(t testing.TB, in *instance, key string) []byte {
	t.Helper()
	body := get(t, in, "experiment/git/patch", url.Values{"experimentKey": {key}})
	if !bytes.HasPrefix(body, []byte("PK")) {
		return nil
	}
	zr, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := zr.Open("git_diff.patch")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patch, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// shareCodes returns the codes of the share links of a project.
func shareCodes(t testing.TB, in *instance, projectID string) []string {
	t.Helper()
	var answer struct{ ShareCodes []string }
	if err := json.Unmarshal(get(t, in, "project/get-project-share-links", url.Values{"projectId": {projectID}}), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.ShareCodes
}

// get reads from the REST API of an instance, not through our client.
func get(t testing.TB, in *instance, path string, q url.Values) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.URL()+"api/rest/v2/"+path+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, in, req)
}

// write sends a request to an instance as a client would, not through ours.
func write(t testing.TB, in *instance, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, in.URL()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	send(t, in, req)
}

func send(t testing.TB, in *instance, req *http.Request) []byte {
	t.Helper()
	req.Header.Set("Authorization", in.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s %v", req.Method, req.URL.Path, resp.Status, body, err)
	}
	return body
}
