package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/report"
)

// TestRegistryProducerGone imports models again whose experiment the source or
// the destination has no more: the versions that came from it are there, and a
// new one has nothing to come from.
func TestRegistryProducerGone(t *testing.T) {
	for _, gone := range []string{"at the source", "at the destination"} {
		t.Run(gone, func(t *testing.T) {
			srv := newServer(t, comettest.Options{})
			c := newClient(t, srv)
			w := richWorkspace()
			importTo(t, c, w.stream(t, sourceURL), Options{}).succeed(t)
			producer := testKey(1)
			if gone == "at the source" {
				producer = ""
			} else if err := deleteExperiment(srv, producer); err != nil {
				t.Fatal(err)
			}
			versions := &w.models[0].Versions
			for i := range *versions {
				(*versions)[i].Experiment = producer
			}
			models := testWorkspace{models: w.models}
			srv.ResetStats()
			for _, o := range []Options{{}, {Mode: VerifyOnly}} {
				importTo(t, c, models.stream(t, sourceURL), o).succeed(t)
			}
			if len(writes(srv)) > 0 {
				t.Errorf("it writes %v", writes(srv))
			}
			*versions = append(*versions, comettest.RegistryVersionSpec{Version: "9.0.0", Experiment: producer, Model: "cnn"})
			r := importTo(t, c, models.stream(t, sourceURL), Options{})
			if r.err != nil || r.Missing != 1 || r.Differing > 0 {
				t.Errorf("a new version: %v, %q", r.err, r.issues())
			}
		})
	}
}

// TestRegistryVerifyFilled reads back what was written of a model that was there
// without it.
func TestRegistryVerifyFilled(t *testing.T) {
	w, bare := richWorkspace(), richWorkspace()
	w.models[0].Public = true
	bare.models[0].Description, bare.models[0].Notes = nil, ""
	bare.models[0].Versions[1].Metadata, bare.models[0].Versions[1].Configuration = nil, nil
	for _, test := range []struct{ request, issue string }{
		{"none", ""},
		{"registry-model/update", `description "cnn": unverified`},
		{"registry-model/update", `visibility "cnn": unverified`},
		{"registry-model/notes", `notes "cnn": unverified`},
		{"/metadata", `model-version "cnn:1.0.1": unverified: the destination has different metadata`},
		{"/status-configuration", `model-version "cnn:1.0.1": unverified: the destination has different status configuration`},
	} {
		srv := newServer(t, comettest.Options{Middleware: forgetful(t, test.request)})
		bare.seed(srv)
		r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Verify: true, Update: true})
		found := slices.ContainsFunc(r.issues(), func(i string) bool { return strings.HasPrefix(i, test.issue) })
		if r.err != nil || found != (test.issue != "") {
			t.Errorf("%s: %v, %q; want %q", test.request, r.err, r.issues(), test.issue)
		}
	}
}

// TestRegistryUntold imports to destinations that do not give what a version has:
// nobody can say that it is the same, which is told each time.
func TestRegistryUntold(t *testing.T) {
	for name, tt := range map[string]struct {
		moods comettest.Moods
		want  []string
	}{
		"no metadata":      {comettest.Moods{Lacks: []string{"registry-model/item/{itemId}/metadata", "write/registry-model/item/{itemId}/metadata"}}, []string{"metadata"}},
		"metadata unread":  {comettest.Moods{Lacks: []string{"registry-model/item/{itemId}/metadata"}}, []string{"metadata"}},
		"version 4.20.476": {comettest.Moods{Version: "4.20.476"}, []string{"status configuration"}},
		"version 4.18.132": {comettest.Moods{Version: "4.18.132"}, []string{"metadata", "status configuration"}},
		"version 3.5.41":   {comettest.Moods{Version: "3.5.41"}, []string{"metadata", `status "Production"`, "status configuration"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{Moods: tt.moods})
			c, w := newClient(t, srv), richWorkspace()
			models := testWorkspace{models: w.models}
			first := importTo(t, c, w.stream(t, sourceURL), Options{Verify: true})
			if first.err != nil || first.Missing+first.Unverified == 0 {
				t.Errorf("the first run: %v, %q", first.err, first.issues())
			}
			for _, o := range []struct {
				Options
				class report.IssueClass
			}{{Options{}, report.Missing}, {Options{}, report.Missing}, {Options{Mode: VerifyOnly}, report.Unverified}} {
				srv.ResetStats()
				r := importTo(t, c, models.stream(t, sourceURL), o.Options)
				for i, what := range tt.want {
					if issues := r.issues(); r.err != nil || len(issues) != len(tt.want) ||
						!strings.HasPrefix(issues[i], fmt.Sprintf(`model-version "cnn:1.0.1": %s: its %s: `, o.class, what)) {
						t.Errorf("again: %v, %q", r.err, issues)
					}
				}
				if len(writes(srv)) > 0 {
					t.Errorf("it writes %v", writes(srv))
				}
			}
		})
	}
}

// Notes that are refused are missing, and the model is not left unfinished.
func TestRegistryNotesRefused(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{Middleware: refusing("write/registry-model/notes")})
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{})
	if r.err != nil || r.Missing != 1 || !strings.HasPrefix(r.issues()[0], `notes "cnn": missing`) {
		t.Errorf("%v, %q", r.err, r.issues())
	}
}

// A server that fails is not taken for one that refuses, when a version is tried
// without its status.
func TestRegistryStatusOutage(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/registry-model/item/create") {
				next.ServeHTTP(rw, r)
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			status := http.StatusInternalServerError
			if bytes.Contains(body, []byte(`"status":"`)) {
				status = http.StatusForbidden
			}
			http.Error(rw, `{"msg":"not today"}`, status)
		})
	}})
	c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 3 })
	r := importTo(t, c, w.stream(t, sourceURL), Options{})
	if !errors.Is(r.err, comet.ErrServer) && !errors.Is(r.err, comet.ErrUncertain) {
		t.Errorf("%v, %q", r.err, r.issues())
	}
}

// deleteExperiment removes an experiment from a server.
func deleteExperiment(srv *comettest.Server, key string) error {
	req, err := http.NewRequest(http.MethodGet, srv.URL()+"api/rest/v2/write/experiment/delete?experimentKey="+key, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", comettest.DefaultAPIKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("delete %s: %s", key, resp.Status)
	}
	return nil
}

// A version that appears just before it is created, as the late work of an
// import that was killed, is the one that was to be created.
func TestRegistryVersionAppears(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/registry-model/item/create") {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				first := r.Clone(r.Context())
				first.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(httptest.NewRecorder(), first)
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			next.ServeHTTP(rw, r)
		})
	}})
	importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{}).succeed(t)
	w.check(t, "appeared", srv)
}

// A status configuration that sets the status does not change that of the version.
func TestStatusConfigurationSetsStatus(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{ConfigurationSetsStatus: true}})
	importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Verify: true}).succeed(t)
	w.check(t, "configured", srv)
}

// A status configuration that the destination has in another way is told, in any
// order of its pairs that are the same it is not.
func TestStatusConfigurationDiffers(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(map[string]any)
		same   bool
	}{
		"order":   {func(c map[string]any) { slices.Reverse(c["statusConfiguration"].([]map[string]any)) }, true},
		"status":  {func(c map[string]any) { c["status"] = "Staging" }, false},
		"review":  {func(c map[string]any) { c["isReviewRequired"] = false }, false},
		"comment": {func(c map[string]any) { delete(c, "comment") }, false},
		"pair":    {func(c map[string]any) { c["statusConfiguration"].([]map[string]any)[0]["value"] = "3" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, other := richWorkspace(), richWorkspace()
			tt.change(other.models[0].Versions[1].Configuration)
			srv := newServer(t, comettest.Options{})
			other.seed(srv)
			r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{})
			want := []string{`model-version "cnn:1.0.1": differs: the destination has different status configuration`}
			if tt.same {
				want = nil
			}
			if got := r.issues(); r.err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, %q, want %q", r.err, got, want)
			}
		})
	}
}
