package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// changing is a server that somebody else changes before one of its requests.
type changing struct {
	http.Handler
	at     int64
	n      atomic.Int64
	once   sync.Once
	change func()
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.n.Add(1) == c.at {
		c.once.Do(c.change)
	}
	c.Handler.ServeHTTP(w, r)
}

// changed makes a call of somebody else.
func changed(t testing.TB, s http.Handler, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(method, "/api/rest/v2/write/"+path, bytes.NewReader(text))
	req.Header.Set("Authorization", comettest.DefaultAPIKey)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, req); w.Code != http.StatusOK {
		t.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
}

// Somebody changes the source before any request of an export: what it had before and
// has after is in the stream, or named with the exit code that says so.
func TestSourceChanges(t *testing.T) {
	rng := matrixSeed(t)
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	inP, inQ := fmt.Sprintf("%032x", 0xabd0), fmt.Sprintf("%032x", 0xdef1)
	seed := func(s *comettest.Server) {
		seedMatrix(s)
		for project, key := range map[string]string{"p": inP, "q": inQ} {
			s.SeedExperiment("lab", project, comettest.ExperimentSpec{
				Key: key, Start: 1700000005000, End: 1700000009000, Parameters: []comettest.Value{{Name: "lr", Value: "0.1"}},
				Points: []comettest.MetricPoint{{Metric: "loss", Value: "1", Time: 1700000006000}},
			})
		}
	}
	move := func(to, key string) func(testing.TB, http.Handler) {
		return func(t testing.TB, s http.Handler) {
			changed(t, s, "POST", "experiment/move", map[string]any{"targetWorkspaceName": "lab", "targetProjectName": to, "experimentKeys": []string{key}, "symlink": false})
		}
	}
	get := func(path string) func(testing.TB, http.Handler) {
		return func(t testing.TB, s http.Handler) { changed(t, s, "GET", path, nil) }
	}
	for _, tc := range []struct {
		name   string
		change func(testing.TB, http.Handler)
	}{
		{"moved to a project before", move("p", inQ)},
		{"moved to a project behind", move("q", inP)},
		{"deleted", get("experiment/delete?experimentKey=" + inP)},
		{"archived", get("experiment/archive?experimentKey=" + inP)},
		{"restored", get("experiment/restore?experimentKey=" + fmt.Sprintf("%032x", 0xabc1))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := func(at int, pages int) (requests int, r result, problems []string) {
				s, end := memoryServer(t, comettest.Moods{ForcePages: pages}, flags)
				defer end()
				seed(s.Server)
				export := func(h http.Handler) result { return exportOver(&oddNetwork{server: h}, s, "-j", "2", "lab") }
				before := contentOf(t, export(s.Server).stdout)
				c := &changing{Handler: s.Server, at: int64(at), change: func() { tc.change(t, s.Server) }}
				r = export(c)
				c.once.Do(c.change)
				want, after := anonymous(before), anonymous(contentOf(t, export(s.Server).stdout))
				for f := range want.facts {
					if after.facts[f] == 0 {
						delete(want.facts, f)
					}
				}
				return int(c.n.Load()), r, judgeChanged(t, want, r)
			}
			requests, _, _ := run(0, 2)
			cells := rng.Perm(requests)
			if os.Getenv("COMET_STREAM_TORTURE") == "" {
				cells = append(cells[:12], 4, 5, 6, 7, 8) // while they are listed
			}
			inParallel(cells, func(k int) {
				if _, r, problems := run(k+1, k%3); len(problems) > 0 {
					t.Errorf("before request %d: exit %d: %s\n%s", k+1, r.code, problems, r.stderr)
				}
			})
		})
	}
}

// An experiment that is moved out of the exported project meanwhile is named as moved. It
// is no link.
func TestMovedOut(t *testing.T) {
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	key, moved := fmt.Sprintf("%032x", 0xabd0), 0
	run := func(at int) (requests int) {
		s, end := memoryServer(t, comettest.Moods{}, flags)
		defer end()
		s.SeedExperiment("lab", "p", comettest.ExperimentSpec{Key: key, Start: 1700000005000, End: 1700000009000})
		s.SeedExperiment("lab", "q", comettest.ExperimentSpec{Key: fmt.Sprintf("%032x", 0xdef1), Start: 1700000005000, End: 1700000009000})
		c := &changing{Handler: s.Server, at: int64(at), change: func() {
			changed(t, s.Server, "POST", "experiment/move", map[string]any{"targetWorkspaceName": "lab", "targetProjectName": "q", "experimentKeys": []string{key}, "symlink": false})
		}}
		r := exportOver(&oddNetwork{server: c}, s, "lab/p")
		if strings.Contains(r.stderr, "has a link to it") {
			t.Errorf("before request %d: exit %d: taken for a link:\n%s", at, r.code, r.stderr)
		}
		if r.code == cli.ExitIncomplete && strings.Contains(r.stderr, "it was moved from \"lab/p\" to \"lab/q\"") {
			moved++
		}
		return int(c.n.Load())
	}
	for at := range run(0) {
		run(at + 1)
	}
	if moved == 0 {
		t.Error("it is never named as moved")
	}
}

// anonymous returns contents without their hashes: of two versions either will do.
func anonymous(c *contents) *contents {
	facts := make(map[fact]int)
	for f, n := range c.facts {
		f.sum = ""
		facts[f] += n
	}
	c.facts = facts
	return c
}

// judgeChanged returns what is wrong with an export of a source that has changed
// meanwhile, want being what it had all the time.
func judgeChanged(t testing.TB, want *contents, r result) (problems []string) {
	if r.code != cli.ExitOK && r.code != cli.ExitIncomplete {
		return []string{"no such exit code is foreseen"}
	}
	got := anonymous(contentOf(t, r.stdout))
	for f := range want.facts {
		named := got.facts[f] > 0
		for _, s := range got.skipped {
			named = named || covers(s, f)
		}
		if !named {
			problems = append(problems, "lost: "+f.String())
		}
	}
	if (len(got.skipped) > 0) != (r.code == cli.ExitIncomplete) {
		problems = append(problems, "the exit code does not say what is skipped")
	}
	return problems
}

// Somebody changes the destination before any request of an import: it ends, says what
// it could not do, and the same command brings what is missing then.
func TestDestinationChanges(t *testing.T) {
	rng := matrixSeed(t)
	flags := reach(t, "http://comet.test/clientlib/", comettest.DefaultAPIKey)
	key := fmt.Sprintf("%032x", 0xabc0)
	scenes := slices.DeleteFunc(importScenes(t)[:4], func(s *importScene) bool { return s.args != nil })
	for _, s := range scenes {
		s.settle(t, flags)
	}
	for name, change := range map[string]func(*testing.T, http.Handler){
		"deleted":  func(t *testing.T, s http.Handler) { changed(t, s, "GET", "experiment/delete?experimentKey="+key, nil) },
		"archived": func(t *testing.T, s http.Handler) { changed(t, s, "GET", "experiment/archive?experimentKey="+key, nil) },
		"project gone": func(t *testing.T, s http.Handler) {
			changed(t, s, "POST", "project/delete", map[string]any{"workspaceName": "lab", "projectName": "p", "deleteAllExperiments": true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var cells []importCut
			for _, s := range scenes {
				n := 0
				for _, count := range s.routes {
					n += count
				}
				for range 6 {
					cells = append(cells, importCut{s, 1 + rng.IntN(n)})
				}
			}
			inParallel(cells, func(c importCut) {
				dst, end := c.scene.destination(t, flags)
				defer end()
				var r result
				at := &changing{Handler: dst, at: int64(c.at), change: func() { change(new(testing.T), dst) }}
				r, _ = importOver(t, &oddNetwork{server: at}, dst, c.scene.data, c.scene.args...)
				again, _ := importOver(t, &oddNetwork{server: dst}, dst, c.scene.data, c.scene.args...)
				if r.code != cli.ExitOK && r.code != cli.ExitIncomplete && r.code != cli.ExitFailed || again.code != cli.ExitOK && again.code != cli.ExitIncomplete {
					t.Errorf("%s, before request %d: exit codes %d and %d\n%s---\n%s", c.scene.name, c.at, r.code, again.code, r.stderr, again.stderr)
				}
				have := factsOf(t, dst)
				for f, n := range c.scene.facts.facts {
					if have.facts[f] < n {
						t.Errorf("%s, before request %d: lost: %s\n%s---\n%s", c.scene.name, c.at, f, r.stderr, again.stderr)
					}
				}
			})
		})
	}
}

// An importCut is a request of an import.
type importCut struct {
	scene *importScene
	at    int
}
