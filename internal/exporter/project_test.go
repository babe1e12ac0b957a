package exporter

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

const shareLinksCall = "project/get-project-share-links"

// seedShared starts a server with two projects of one workspace that have share
// links, and one that has none.
func seedShared(t *testing.T, o comettest.Options) *comettest.Server {
	t.Helper()
	srv := comettest.Start(t, o)
	for name, n := range map[string]int{"none": 0, "one": 1, "three": 3} {
		srv.SeedProject("w", name, comettest.ProjectSpec{ShareLinks: n})
	}
	return srv
}

// shareLinks returns what the project records say, -1 for nothing, by name.
func shareLinks(all []stream.Record) map[string]int64 {
	found := make(map[string]int64)
	for _, p := range of[*stream.Project](all) {
		found[p.Name] = -1
		if p.ShareLinks != nil {
			found[p.Name] = *p.ShareLinks
		}
	}
	return found
}

var unknown = map[string]int64{"general": -1, "none": -1, "one": -1, "three": -1}

// How many share links a project has is in its record. Where the server does not
// tell, nothing is, and nothing is missing.
func TestShareLinks(t *testing.T) {
	one := map[string]int64{"general": 0, "none": 0, "one": -1, "three": 3}
	for name, test := range map[string]struct {
		options comettest.Options
		fault   inject.Fault
		want    map[string]int64
		skips   []string
		told    int
	}{
		"all":             {want: map[string]int64{"general": 0, "none": 0, "one": 1, "three": 3}},
		"no such call":    {options: comettest.Options{Moods: comettest.Moods{Lacks: []string{shareLinksCall}}}, want: unknown, told: 1},
		"400 for no call": {options: comettest.Options{Moods: comettest.Moods{Lacks: []string{shareLinksCall}, BadRequestForMissing: true}}, want: unknown, told: 1},
		"forbidden":       {fault: inject.Fault{Kind: "403"}, want: unknown, told: 1},
		"one forbidden":   {fault: inject.Fault{Kind: "403", Item: "one"}, want: one, told: 1},
		"one unclear":     {fault: inject.Fault{Kind: "404", Item: "one"}, want: one, skips: []string{"project 404 share links"}},
		"one failing":     {fault: inject.Fault{Kind: "500", Item: "one"}, want: one, skips: []string{"project 500 share links passing"}},
		"forbidden once":  {fault: inject.Fault{Kind: "403", Item: "one", To: 1}, want: map[string]int64{"general": 0, "none": 0, "one": 1, "three": 3}},
		"one throttled":   {fault: inject.Fault{Kind: "429", Item: "one", To: 2}, want: map[string]int64{"general": 0, "none": 0, "one": 1, "three": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			faults := inject.NewFaults(1)
			test.options.Middleware = faults.Middleware
			srv := seedShared(t, test.options)
			if test.fault.Kind != "" {
				test.fault.Endpoint = "GET *" + shareLinksCall
				if test.fault.Item != "" {
					test.fault.Item = srv.State().Project("w", test.fault.Item).ID
				}
				if err := faults.Set(1, test.fault); err != nil {
					t.Fatal(err)
				}
			}
			obs := new(recorder)
			data, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w"), Observer: obs})
			if err != nil {
				t.Fatal(err)
			}
			all := records(t, data)
			if diff := cmp.Diff(test.want, shareLinks(all)); diff != "" {
				t.Errorf("share links (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.skips, skips(all)); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			if len(obs.warnings) != test.told {
				t.Errorf("told: %q, want %d", obs.warnings, test.told)
			}
		})
	}
}

// A number that could not be had for a passing cause is had by the export that
// goes on with the stream.
func TestShareLinksContinued(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := seedShared(t, comettest.Options{Middleware: faults.Middleware})
	o := Options{Client: newClient(t, srv), Paths: paths(t, "w")}
	want := content(t, mustExport(t, o))
	if err := faults.Set(1, inject.Fault{Kind: "500", Endpoint: "GET *" + shareLinksCall}); err != nil {
		t.Fatal(err)
	}
	data, sum := exportBlocks(t, o)
	if sum.Items != 4 {
		t.Errorf("%d items are missing, want 4", sum.Items)
	}
	faults.Reset()
	got, sum, err := goOn(t, data[:len(data)-1], o)
	if err != nil || sum.Items != 0 || !bytes.Equal(want, content(t, got)) {
		t.Errorf("%v, %+v, or the records differ from those of an undisturbed export", err, sum)
	}
}

// Nobody is asked for share links where the document of the project is not asked
// for, and each project is asked once.
func TestShareLinksRequests(t *testing.T) {
	srv := seedShared(t, comettest.Options{})
	for resources, want := range map[string]int{"": 4, "project": 4, "project_notes": 0, "metrics": 0} {
		set, err := stream.ParseResources(strings.Fields(resources))
		if err != nil {
			t.Fatal(err)
		}
		srv.ResetStats()
		all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w"), Resources: set}))
		if n := srv.Counts()[rest+shareLinksCall]; n != want {
			t.Errorf("%q: %d requests, want %d", resources, n, want)
		}
		if diff := cmp.Diff(unknown, shareLinks(all)); (diff == "") != (want == 0) {
			t.Errorf("%q: share links %v", resources, shareLinks(all))
		}
	}
}

// A code lets in whoever holds it, so that no stream has one, not even of a
// server that has codes among the details of a project.
func TestShareCodesStayOut(t *testing.T) {
	const code = "thesecretcode"
	srv := seedShared(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			r.Header.Del("Accept-Encoding")
			next.ServeHTTP(rec, r)
			answer := rec.Body.String()
			switch {
			case strings.HasSuffix(r.URL.Path, "/projects"):
				answer = strings.ReplaceAll(answer, `"projectId"`, `"shareCodes":["`+code+`"],"projectId"`)
			case strings.HasSuffix(r.URL.Path, shareLinksCall):
				answer = `{"shareCodes":["` + code + `"]}`
			}
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			w.WriteHeader(rec.Code)
			_, _ = w.Write([]byte(answer)) // a client that is gone asks for nothing more
		})
	}})
	data := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	if got := shareLinks(records(t, data)); got["none"] != 1 {
		t.Errorf("share links: %v", got)
	}
	if bytes.Contains(content(t, data), []byte(code)) {
		t.Error("the stream has the code of a share link")
	}
}
