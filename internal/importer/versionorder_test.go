package importer

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// refusingUntil refuses the requests to a path whose body holds a text, for as long
// as it is not told to take them.
func refusingUntil(t *testing.T, taken *atomic.Bool, path, text string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if !taken.Load() && strings.HasSuffix(r.URL.Path, path) && bytes.Contains(body, []byte(text)) {
				http.Error(w, `{"msg":"not now","code":403}`, http.StatusForbidden)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
}

// orderOf returns the versions of an artifact in the order in which a server got
// them.
func orderOf(srv *comettest.Server) []string {
	var list []string
	versions := slices.Clone(srv.State().Workspace("team").Artifacts[0].Versions)
	slices.SortStableFunc(versions, func(a, b comettest.ArtifactVersionState) int { return int(a.Added - b.Added) })
	for _, v := range versions {
		list = append(list, v.Version)
	}
	return list
}

func versionedWorkspace() testWorkspace {
	w := richWorkspace()
	w.artifacts, w.models[0].Versions = w.artifacts[:1], append(w.models[0].Versions, comettest.RegistryVersionSpec{Version: "2.0.0", Experiment: testKey(1), Model: "cnn"})
	versions := w.artifacts[0].Versions[:0:0]
	for _, version := range []string{"1.0.0", "1.1.0", "2.0.0", "2.0.1"} {
		versions = append(versions, comettest.ArtifactVersionSpec{Version: version, Producer: testKey(1)})
	}
	w.artifacts[0].Versions = versions
	return w
}

// Versions that come after one that is refused wait for it: the destination gets
// all in the order of the stream.
func TestVersionsWait(t *testing.T) {
	w := versionedWorkspace()
	for name, tt := range map[string]struct {
		path, text string
		missing    []string
	}{
		"artifact": {"artifacts/upsert", `"1.1.0"`, []string{"set:1.1.0", "set:2.0.0", "set:2.0.1"}},
		"model":    {"registry-model/item/create", `"1.0.1"`, []string{"cnn:1.0.1", "cnn:2.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			var taken atomic.Bool
			srv := newServer(t, comettest.Options{Clock: ticking(), Middleware: refusingUntil(t, &taken, tt.path, tt.text)})
			c, data := newClient(t, srv), w.stream(t, sourceURL)
			r := importTo(t, c, data, Options{})
			if r.err != nil || int(r.Missing) != len(tt.missing) {
				t.Fatalf("%v, %q", r.err, r.issues())
			}
			for _, version := range tt.missing {
				if !slices.ContainsFunc(r.issues(), func(i string) bool { return strings.Contains(i, `"`+version+`": missing`) }) {
					t.Errorf("%s is not told: %q", version, r.issues())
				}
			}
			taken.Store(true)
			importTo(t, c, data, Options{Verify: true}).succeed(t)
			importTo(t, c, data, Options{Mode: VerifyOnly}).succeed(t)
			if d := gocmp.Diff([]string{"1.0.0", "1.1.0", "2.0.0", "2.0.1"}, orderOf(srv)); d != "" {
				t.Errorf("order (-want +got): %s", d)
			}
		})
	}
}

// A version that the destination gets after one that comes after it is told each
// time.
func TestVersionsLate(t *testing.T) {
	w, lacks := versionedWorkspace(), versionedWorkspace()
	v := &lacks.artifacts[0].Versions
	*v = slices.Delete(*v, 1, 2)
	srv := newServer(t, comettest.Options{Clock: ticking()})
	c := newClient(t, srv)
	importTo(t, c, lacks.stream(t, sourceURL), Options{}).succeed(t)
	for i, o := range []Options{{}, {}, {Mode: VerifyOnly}} {
		r := importTo(t, c, w.stream(t, sourceURL), o)
		class := "differs"
		if o.Mode == VerifyOnly {
			class = "unverified"
		}
		const late = ": the destination got it before version 1.1.0, which precedes it in the stream"
		want := []string{`artifact-version "set:2.0.0": ` + class + late, `artifact-version "set:2.0.1": ` + class + late}
		if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil {
			t.Errorf("run %d: %v, issues (-want +got): %s", i, r.err, d)
		}
	}
}

// A version whose experiment is nowhere is missing each time, and is before no other.
func TestVersionsWithoutExperiment(t *testing.T) {
	w := versionedWorkspace()
	w.artifacts[0].Versions[1].Producer = testKey(99)
	srv := newServer(t, comettest.Options{Clock: ticking()})
	c, data := newClient(t, srv), w.stream(t, sourceURL)
	for i := range 2 {
		r := importTo(t, c, data, Options{})
		want := []string{fmt.Sprintf(`artifact-version "set:1.1.0": missing: its experiment %s is neither in the stream nor at the destination`, testKey(99))}
		if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil {
			t.Errorf("run %d: %v, issues (-want +got): %s", i, r.err, d)
		}
	}
}

// ticking returns a clock that goes on by a second each time it is looked at: two
// versions of one millisecond have no order.
func ticking() func() time.Time {
	var ticks atomic.Int64
	return func() time.Time { return time.UnixMilli(start).Add(time.Duration(ticks.Add(1)) * time.Second) }
}
