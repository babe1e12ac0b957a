package comet

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// listed is an experiment of a fake project.
type listed struct {
	key      string
	archived bool
}

// listing is a fake server of a listing.
type listing struct {
	items    []listed
	flag     string // how the archived flag is taken: "only" (as documented), "both", "ignored"
	paged    bool
	limit    int  // most on a page, 0 for what is asked
	own      bool // items tell whether they are archived
	hints    bool
	end400   bool // pages past the end are an error
	requests []url.Values
	before   func(l *listing, q url.Values) // called before each request
}

func (l *listing) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l.requests = append(l.requests, q)
	if l.before != nil {
		l.before(l, q)
	}
	var rows []string
	want := q.Get("archived") == "true"
	for _, it := range l.items {
		if l.flag == "only" && it.archived != want || l.flag == "both" && it.archived && !want {
			continue
		}
		row := fmt.Sprintf(`{"experimentKey":%q}`, it.key)
		if l.own {
			row = fmt.Sprintf(`{"experimentKey":%q,"archived":%v}`, it.key, it.archived)
		}
		rows = append(rows, row)
	}
	hint := ""
	if l.paged {
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("size"))
		if l.limit > 0 {
			size = min(size, l.limit)
		}
		from := min((page-1)*size, len(rows))
		if l.hints {
			hint = fmt.Sprintf(`,"totalPages":%d`, (len(rows)+size-1)/size)
		}
		rows = rows[from:min(from+size, len(rows))]
		if len(rows) == 0 && l.end400 && page > 1 {
			status(http.StatusBadRequest, `{"msg":"no such page","code":400}`)(w, r)
			return
		}
	}
	answer(`{"experiments":[`+strings.Join(rows, ",")+`]`+hint+`}`)(w, r)
}

func (l *listing) client(t *testing.T) *Client {
	return newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/experiments": l.serve})
}

func list(t *testing.T, c *Client, size int) ([]listed, error) {
	var got []listed
	for e, err := range c.Experiments.List(t.Context(), Listing{Workspace: "w", Project: "p", PageSize: size}) {
		if err != nil {
			return got, err
		}
		got = append(got, listed{e.Key, e.Archived})
	}
	return got, nil
}

func numbered(n int, archived func(int) bool) []listed {
	var items []listed
	for i := range n {
		items = append(items, listed{fmt.Sprintf("k%03d", i), archived(i)})
	}
	return items
}

func third(i int) bool { return i%3 == 0 }

func sorted(items []listed) []listed {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b listed) int { return strings.Compare(a.key, b.key) })
	return items
}

var unexported = cmp.AllowUnexported(listed{})

// TestExperiments lists a project of servers of all sorts.
func TestExperiments(t *testing.T) {
	for name, l := range map[string]listing{
		"paged":                 {flag: "only", paged: true, own: true},
		"paged, no own flag":    {flag: "only", paged: true},
		"paged, smaller limit":  {flag: "only", paged: true, own: true, limit: 7},
		"paged, hints":          {flag: "only", paged: true, own: true, hints: true},
		"paged, end is error":   {flag: "only", paged: true, own: true, end400: true},
		"paged, flag adds":      {flag: "both", paged: true, own: true},
		"paged, flag ignored":   {flag: "ignored", paged: true, own: true},
		"unpaged":               {flag: "only", own: true},
		"unpaged, no own flag":  {flag: "only"},
		"unpaged, flag ignored": {flag: "ignored", own: true},
		"unpaged, flag adds":    {flag: "both"},
	} {
		for _, n := range []int{0, 1, 9, 10, 11, 20, 35} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				l := l
				l.items = numbered(n, third)
				got, err := list(t, l.client(t), 10)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(sorted(l.items), sorted(got), unexported); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if len(l.requests) > 2*(n/7+4)*2 {
					t.Errorf("%d requests for %d experiments", len(l.requests), n)
				}
			})
		}
	}
}

func TestExperimentsQuery(t *testing.T) {
	l := listing{flag: "only", paged: true}
	if _, err := list(t, l.client(t), 0); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"workspaceName": {"w"}, "projectName": {"p"}, "archived": {"false"}, "page": {"1"}, "size": {"1000"},
		"sortBy": {"startTime"}, "sortOrder": {"asc"}}
	if diff := cmp.Diff(want, l.requests[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(l.requests) != 2 {
		t.Errorf("%d requests for an empty project, want 2", len(l.requests))
	}
}

// Experiments that are deleted while pages are read move the others forward.
func TestExperimentsShift(t *testing.T) {
	l := listing{flag: "only", paged: true, own: true, items: numbered(35, func(int) bool { return false })}
	want := l.items[5:]
	l.before = func(l *listing, q url.Values) {
		if q.Get("page") == "2" && len(l.items) == 35 {
			l.items = l.items[5:]
		}
	}
	got, err := list(t, l.client(t), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s is missing", w.key)
		}
	}
}

// A listing that turns by one place with each page is read until all of it was
// seen.
func TestExperimentsTurning(t *testing.T) {
	for _, n := range []int{3, 4, 5, 7, 8} {
		for _, by := range []int{1, n - 1} {
			l := listing{flag: "only", paged: true, own: true, limit: 2, items: numbered(n, func(int) bool { return false })}
			want := slices.Clone(l.items)
			l.before = func(l *listing, _ url.Values) {
				l.items = slices.Concat(l.items[by:], l.items[:by])
			}
			got, err := list(t, l.client(t), 10)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, sorted(got), unexported); diff != "" {
				t.Errorf("%d turned by %d (-want +got):\n%s", n, by, diff)
			}
		}
	}
}

func TestExperimentsError(t *testing.T) {
	l := listing{flag: "only", paged: true, items: numbered(25, third)}
	c := newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/experiments": func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		l.serve(w, r)
	}})
	got, err := list(t, c, 10)
	if !errors.Is(err, api.ErrForbidden) || len(got) != 10 {
		t.Errorf("%d experiments, %v", len(got), err)
	}
	// A caller may stop at any time.
	for range c.Experiments.List(t.Context(), Listing{Workspace: "w", Project: "p", PageSize: 10}) {
		break
	}
}

func TestMetadata(t *testing.T) {
	const full = `{"experimentKey":"K","experimentName":"brave","optimizationId":null,"projectId":"P","projectName":"cnn","workspaceName":"w",
		"userName":"alice","filePath":"/a/train.py","fileName":"train.py","durationMillis":120034,"startTimeMillis":1592593124000,
		"endTimeMillis":"1592593244034","archived":true,"running":false,"throttle":true,"hasCrashed":true,"unknown":{"a":[1]}}`
	for doc, want := range map[string]Experiment{
		full: {Key: "K", Name: new("brave"), Workspace: "w", Project: "cnn", ProjectID: "P", User: new("alice"), FilePath: new("/a/train.py"),
			FileName: new("train.py"), Start: new(int64(1592593124000)), End: new(int64(1592593244034)), Duration: new(int64(120034)),
			Archived: true, Crashed: new(true), Throttled: true},
		`{"experimentKey":"asked","experimentName":null,"startTimeMillis":0,"running":"True"}`: {Key: "asked", Start: new(int64(0)), Running: true},
	} {
		c := newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/experiment/metadata": answer(doc)})
		want.Raw = []byte(doc)
		got, err := c.Experiments.Metadata(t.Context(), "asked")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

const versionRoute = "GET /clientlib/isAlive/ver"

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		w.Write([]byte(body))
	}
}

// TestGated meets servers that have and that lack a call.
func TestGated(t *testing.T) {
	const route = "GET /api/rest/v2/experiment/metrics/get-all"
	gone := `{"msg":"experiment does not exist"}`
	for _, tc := range []struct {
		name        string
		version     string // "" for no such endpoint
		route       http.HandlerFunc
		missing     bool // the experiment
		want        error
		first, then int // how often it is asked, in all, after one call and after two
	}{
		{name: "new", version: "4.0.0", route: answer(`{"metrics":[]}`), first: 1, then: 2},
		{name: "new, no experiment", version: "4.0.0", route: status(404, gone), missing: true, want: api.ErrNotFound, first: 1, then: 2},
		{name: "old", version: "3.20.59", route: answer(`{"metrics":[]}`), want: api.ErrUnsupported},
		{name: "just new enough", version: "3.20.60", route: answer(`{"metrics":[]}`), first: 1, then: 2},
		{name: "unknown version, there", route: answer(`{"metrics":[]}`), first: 1, then: 2},
		{name: "unknown version, 404", route: status(404, ``), want: api.ErrUnsupported, first: 4, then: 4},
		{name: "unknown version, 400", route: status(400, `{"msg":"bad request"}`), want: api.ErrUnsupported, first: 4, then: 4},
		{name: "unknown version, 405", route: status(405, ``), want: api.ErrUnsupported, first: 4, then: 4},
		{name: "unknown version, no experiment", route: status(400, gone), missing: true, want: api.ErrNotFound, first: 1, then: 2},
		{name: "version lies", version: "9.9.9", route: status(404, ``), want: api.ErrUnsupported, first: 4, then: 4},
		{name: "forbidden", version: "4.0.0", route: status(403, ``), want: api.ErrForbidden, first: 1, then: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := 0
			routes := map[string]http.HandlerFunc{
				route:                                  func(w http.ResponseWriter, r *http.Request) { asked++; tc.route(w, r) },
				"GET /api/rest/v2/experiment/metadata": answer(`{"experimentKey":"k"}`),
			}
			if tc.missing {
				routes["GET /api/rest/v2/experiment/metadata"] = status(404, gone)
			}
			if tc.version != "" {
				routes[versionRoute] = answer(`{"version":"` + tc.version + `"}`)
			}
			c := newTestClient(t, routes)
			for i, want := range []int{tc.first, tc.then} {
				err := c.Metrics.AllPoints(t.Context(), "k", nil, func(*Point) error { return nil })
				if !errors.Is(err, tc.want) || tc.want == api.ErrNotFound && errors.Is(err, api.ErrUnsupported) {
					t.Errorf("call %d: %v, want %v", i+1, err, tc.want)
				}
				if asked != want {
					t.Errorf("asked %d times after call %d, want %d", asked, i+1, want)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	for _, tc := range []struct {
		name  string
		serve http.HandlerFunc
		want  api.Version
		known bool
		asked int
	}{
		{"usual", answer(`{"version":"3.45.12","code":200}`), api.Version{Major: 3, Minor: 45, Patch: 12, Text: "3.45.12"}, true, 1},
		{"suffix", answer(`{"version":"4.18.133-rc2"}`), api.Version{Major: 4, Minor: 18, Patch: 133, Text: "4.18.133-rc2"}, true, 1},
		{"two numbers", answer(`{"version":"4.18"}`), api.Version{}, false, 1},
		{"null", answer(`{"version":null}`), api.Version{}, false, 1},
		{"page", answer(`<html>`), api.Version{}, false, 2},
		{"missing", status(404, ``), api.Version{}, false, 2},
		{"refused", status(403, ``), api.Version{}, false, 1},
		// An outage is not remembered, and does not use up the budget.
		{"broken", status(500, ``), api.Version{}, false, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := 0
			c := newTestClient(t, map[string]http.HandlerFunc{versionRoute: func(w http.ResponseWriter, r *http.Request) {
				asked++
				tc.serve(w, r)
			}})
			for range 2 {
				got, known := c.Version(t.Context())
				if got != tc.want || known != tc.known {
					t.Errorf("got %+v, %v", got, known)
				}
			}
			if asked != tc.asked {
				t.Errorf("asked %d times, want %d", asked, tc.asked)
			}
		})
	}
}

// Below a path prefix the version may be at either place.
func TestVersionPrefix(t *testing.T) {
	for _, path := range []string{"/clientlib/isAlive/ver", "/comet/clientlib/isAlive/ver"} {
		mux := http.NewServeMux()
		mux.HandleFunc(path, answer(`{"version":"1.2.3"}`))
		srv := httptest.NewServer(mux)
		c, err := New(api.Options{URL: srv.URL + "/comet/clientlib/", APIKey: testKey})
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := c.Version(t.Context()); !ok || v.String() != "1.2.3" {
			t.Errorf("%s: %v, %v", path, v, ok)
		}
		srv.Close()
	}
}

func TestVersionLess(t *testing.T) {
	order := []api.Version{{Major: 1, Minor: 2, Patch: 78, Text: ""}, {Major: 3, Minor: 3, Patch: 11, Text: ""}, {Major: 3, Minor: 20, Patch: 59, Text: ""}, {Major: 3, Minor: 20, Patch: 60, Text: "x"}, {Major: 4, Minor: 0, Patch: 0, Text: ""}}
	for i, v := range order {
		for j, w := range order {
			if v.Less(w) != (i < j) {
				t.Errorf("%v before %v: %v", v, w, v.Less(w))
			}
		}
	}
}
