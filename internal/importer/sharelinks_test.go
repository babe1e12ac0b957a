package importer

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
)

const addShareLinkCall = "GET /api/rest/v2/write/project/add-share-link"

// shared is a project with so many share links, which goes to team/p.
func shared(links int) testProject {
	return testProject{workspace: "source", name: "p", spec: comettest.ProjectSpec{Notes: "# Notes", ShareLinks: links}}
}

var toTeam = Options{To: place.Project{Workspace: "team", Name: "p"}}

// sharedServer starts a server that has the project with so many share links.
func sharedServer(t *testing.T, o comettest.Options, links int) *comettest.Server {
	t.Helper()
	srv := newServer(t, o)
	srv.SeedProject("team", "p", shared(links).spec)
	return srv
}

func shareLinksOf(srv *comettest.Server) int { return srv.State().Project("team", "p").ShareCodes }

func made(n int) string {
	return fmt.Sprintf("share links: noted: %d created with new codes: hand these out", n)
}

// A project ends with as many share links as it has in the stream, or with those
// that it had if they were more.
func TestShareLinks(t *testing.T) {
	toBe := "share links: noted: 3 would be created, with new codes"
	for _, tt := range []struct {
		name         string
		links, there int // there: -1 for no project
		options      Options
		want         int
		issues       []string
	}{
		{"a new project", 3, -1, Options{}, 3, []string{made(3)}},
		{"a new project, verified", 3, -1, Options{Verify: true}, 3, []string{made(3)}},
		{"none there", 3, 0, Options{}, 3, []string{made(3)}},
		{"none there, verified", 3, 0, Options{Verify: true}, 3, []string{made(3)}},
		{"some there", 3, 2, Options{}, 3, []string{made(1)}},
		{"as many there", 3, 3, Options{Verify: true}, 3, nil},
		{"more there", 3, 5, Options{Update: true, Verify: true}, 5, nil},
		{"not known", 0, 2, Options{}, 2, nil},
		{"not wanted", 3, 1, Options{NoShareLinks: true}, 1, nil},
		{"not wanted, nor compared", 3, 1, Options{NoShareLinks: true, Mode: VerifyOnly}, 1, nil},
		{"dry run", 3, 0, Options{Mode: DryRun}, 0, []string{toBe}},
		{"dry run, a new project", 3, -1, Options{Mode: DryRun}, -1, []string{toBe}},
		{"dry run, as many there", 3, 3, Options{Mode: DryRun}, 3, nil},
		{"verify only", 3, 1, Options{Mode: VerifyOnly}, 1, []string{"share links: unverified: 3 in the stream, 1 at the destination"}},
		{"verify only, more there", 3, 5, Options{Mode: VerifyOnly}, 5, nil},
		{"verify only, no project", 3, -1, Options{Mode: VerifyOnly}, -1, []string{"project: unverified: missing at the destination"}},
		{"too many", workspace.MaxShareLinks + 5, workspace.MaxShareLinks - 1, Options{}, workspace.MaxShareLinks,
			[]string{"share links: missing: 1005 in the stream, 1000 at the destination", made(1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{})
			if tt.there >= 0 {
				srv.SeedProject("team", "p", shared(tt.there).spec)
			}
			tt.options.To = toTeam.To
			c, data := newClient(t, srv), streamOf(t, shared(tt.links))
			r := importTo(t, c, data, tt.options)
			if d := gocmp.Diff(tt.issues, r.issues()); r.err != nil || d != "" {
				t.Errorf("%v, issues (-want +got):\n%s", r.err, d)
			}
			if p := srv.State().Project("team", "p"); p == nil && tt.want >= 0 || p != nil && p.ShareCodes != tt.want {
				t.Errorf("the destination has %+v, want %d share links", p, tt.want)
			}
			if tt.options.Mode != Write && len(writes(srv)) > 0 {
				t.Errorf("writes: %v", writes(srv))
			}
			srv.ResetStats()
			if r := importTo(t, c, data, tt.options); r.err != nil || len(writes(srv)) > 0 {
				t.Errorf("again: %v, %v", r.err, writes(srv))
			}
		})
	}
}

// What is reported share links that were made is what was made of them.
func TestShareLinksTold(t *testing.T) {
	srv := newServer(t, comettest.Options{})
	r := importTo(t, newClient(t, srv), streamOf(t, shared(3)), toTeam)
	if r.Other[workspace.KindShareLink] != 3 || len(r.outcomes) != 1 || gocmp.Diff([]string{"notes", workspace.KindShareLinks}, r.outcomes[0].Written.Items) != "" {
		t.Errorf("%+v, %+v", r.Summary, r.outcomes)
	}
}

// Projects that meet in one, and streams that follow each other, do not add up.
func TestShareLinksMerged(t *testing.T) {
	for _, links := range [][]int{{1, 3, 2}, {3, 0, 1}, {0, 2, 3}} {
		var projects []testProject
		for i, n := range links {
			p := shared(n)
			p.name = fmt.Sprint("p", i)
			projects = append(projects, p)
		}
		data := streamOf(t, projects...)
		for _, mode := range []Mode{DryRun, Write} {
			srv := newServer(t, comettest.Options{})
			o := toTeam
			o.Merge, o.Mode = true, mode
			r := importTo(t, newClient(t, srv), append(data, data...), o)
			if r.err != nil || r.Other[workspace.KindShareLink] != 3 || mode == Write && shareLinksOf(srv) != 3 {
				t.Errorf("%v: %v, %+v, want 3 share links", links, r.err, r.Summary)
			}
		}
	}
}

// A destination that does not have the calls, or does not let us, lacks the share
// links and nothing else.
func TestShareLinksMissing(t *testing.T) {
	const read = "project/get-project-share-links"
	add := strings.TrimPrefix(addShareLinkCall, "GET /api/rest/v2/")
	for name, tt := range map[string]struct {
		lacks []string
		fault inject.Fault
		made  int
	}{
		"no call":           {lacks: []string{read, add}},
		"no call to write":  {lacks: []string{add}},
		"forbidden":         {fault: inject.Fault{Kind: "403", Endpoint: "GET *" + read}},
		"forbidden to make": {fault: inject.Fault{Kind: "403", Endpoint: "GET *" + add}},
		"a limit":           {fault: inject.Fault{Kind: "400", Endpoint: "GET *" + add, From: 3}, made: 2},
	} {
		t.Run(name, func(t *testing.T) {
			faults := inject.NewFaults(1)
			if tt.fault.Kind != "" {
				faults = inject.NewFaults(1, tt.fault)
			}
			srv := newServer(t, comettest.Options{Moods: comettest.Moods{Lacks: tt.lacks}, Middleware: faults.Middleware})
			r := importTo(t, newClient(t, srv), streamOf(t, shared(3)), toTeam)
			issues := r.issues()
			if r.err != nil || r.Missing != 1 || !strings.HasPrefix(issues[0], "share links: missing: 3 in the stream: GET /api/rest/v2/") {
				t.Errorf("%v, %+v, %v", r.err, r.Summary, issues)
			}
			if tt.made > 0 && issues[1] != made(tt.made) || shareLinksOf(srv) != tt.made {
				t.Errorf("%v, the destination has %d", issues, shareLinksOf(srv))
			}
			if srv.State().Project("team", "p").Notes != "# Notes" {
				t.Error("the notes are missing too")
			}
		})
	}
}

// The answer to any of the writes may be lost, once or again and again, or what
// was written may show late: no share link is made twice, none is left out.
func TestShareLinksLostAnswers(t *testing.T) {
	data := streamOf(t, shared(3))
	lost := func(kind inject.FaultKind, from, to int) inject.Fault {
		return inject.Fault{Kind: kind, Endpoint: addShareLinkCall, From: from, To: to}
	}
	for name, rules := range map[string][]inject.Fault{
		"lost, the first":   {lost(inject.FaultLost, 1, 1)},
		"lost, the second":  {lost(inject.FaultLost, 2, 2)},
		"lost, all":         {lost(inject.FaultLost, 1, 0)},
		"never came":        {lost(inject.FaultReset, 1, 2)},
		"failed":            {lost("503", 2, 3)},
		"page of a gateway": {lost(inject.FaultHTML, 1, 2)},
		"late":              {{Kind: inject.FaultLag, Endpoint: "GET *share-links", Reads: 1}},
		"lost and late":     {lost(inject.FaultLost, 1, 2), {Kind: inject.FaultLag, Endpoint: "GET *share-links", Reads: 2}},
	} {
		for _, there := range []int{-1, 1} {
			t.Run(fmt.Sprint(name, ", there ", there), func(t *testing.T) {
				faults := inject.NewFaults(1, rules...)
				srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
				if there >= 0 {
					srv.SeedProject("team", "p", shared(there).spec)
				}
				r := importTo(t, newClient(t, srv), data, Options{To: toTeam.To, Verify: true})
				if d := gocmp.Diff([]string{made(3 - max(there, 0))}, r.issues()); r.err != nil || d != "" {
					t.Errorf("%v, %s", r.err, d)
				}
				if n := shareLinksOf(srv); n != 3 {
					t.Errorf("the destination has %d", n)
				}
				if len(faults.Injected()) == 0 {
					t.Error("nothing went wrong")
				}
			})
		}
	}
}

// An import that ends at any of its requests is gone on with by the next one.
func TestShareLinksKilled(t *testing.T) {
	data := streamOf(t, shared(3))
	for _, there := range []int{-1, 1} {
		started := func() *comettest.Server {
			if there >= 0 {
				return sharedServer(t, comettest.Options{}, there)
			}
			return newServer(t, comettest.Options{})
		}
		calm := started()
		importTo(t, newClient(t, calm), data, toTeam)
		for k := 1; k <= calm.Stats().Requests; k++ {
			for _, after := range []bool{false, true} {
				srv := started()
				killed(t, srv, data, toTeam, k, after)
				if r := importTo(t, newClient(t, srv), data, toTeam); r.err != nil {
					t.Errorf("killed at request %d: %v", k, r.err)
				}
				diffStates(t, fmt.Sprintf("killed at request %d, after=%v", k, after), stateOf(calm), stateOf(srv))
			}
		}
	}
}

// A destination that says yes and makes none is found out.
func TestShareLinksVerify(t *testing.T) {
	srv := sharedServer(t, comettest.Options{Middleware: forgetful(t, "add-share-link")}, 1)
	r := importTo(t, newClient(t, srv), streamOf(t, shared(3)), Options{To: toTeam.To, Verify: true})
	if d := gocmp.Diff([]string{made(2), "share links: unverified: 3 in the stream, 1 at the destination"}, r.issues()); r.err != nil || d != "" {
		t.Errorf("%v, %s", r.err, d)
	}
}

// A copy on the instance itself has its own, and takes none of the source's.
func TestShareLinksSameInstance(t *testing.T) {
	srv := newServer(t, comettest.Options{})
	srv.SeedProject("other", "p", shared(2).spec)
	s := newScript(t, srv.URL())
	p := shared(2)
	p.workspace = "other"
	s.begin(p)
	s.project(p)
	data := s.close()
	for range 2 {
		if r := importTo(t, newClient(t, srv), data, toTeam); r.err != nil {
			t.Fatal(r.err)
		}
		if a, b := srv.State().Project("other", "p").ShareCodes, shareLinksOf(srv); a != 2 || b != 2 {
			t.Errorf("the source has %d, the copy %d", a, b)
		}
	}
}

// A stream that breaks off inside a project lets nobody into what is not whole.
func TestShareLinksBroken(t *testing.T) {
	p := shared(2)
	p.experiments = twoExperiments().experiments
	s := newScript(t, sourceURL)
	s.begin(p)
	s.project(p)
	if err := s.w.Abort("server", "gone"); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, comettest.Options{})
	c := newClient(t, srv)
	if r := importTo(t, c, s.b.Bytes(), toTeam); r.err == nil || shareLinksOf(srv) != 0 {
		t.Errorf("%v, %d share links", r.err, shareLinksOf(srv))
	}
	importTo(t, c, streamOf(t, p), toTeam)
	if n := shareLinksOf(srv); n != 2 {
		t.Errorf("%d share links in the end", n)
	}
}
