package comet_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// shareServer returns a client of a server with one project, and its id.
func shareServer(t *testing.T, o comettest.Options, links int) (*comettest.Server, *comet.Client, string) {
	t.Helper()
	srv := comettest.Start(t, o)
	srv.SeedProject("team", "p", comettest.ProjectSpec{ShareLinks: links})
	return srv, newClient(t, srv), srv.State().Project("team", "p").ID
}

func TestShareLinks(t *testing.T) {
	_, c, id := shareServer(t, comettest.Options{}, 2)
	if err := c.Projects.AddShareLink(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Projects.ShareLinks(t.Context(), id); n != 3 || err != nil {
		t.Errorf("%d share links, %v", n, err)
	}
	if _, err := c.Projects.ShareLinks(t.Context(), "nobody"); !errors.Is(err, comet.ErrNotFound) {
		t.Errorf("of a project that does not exist: %v", err)
	}
	_, c, id = shareServer(t, comettest.Options{Moods: comettest.Moods{Lacks: []string{"project/get-project-share-links"}}}, 2)
	if _, err := c.Projects.ShareLinks(t.Context(), id); !errors.Is(err, comet.ErrUnsupported) {
		t.Errorf("of a server without the call: %v", err)
	}
}

// An answer without a list says nothing of this project, and nothing of others.
func TestShareLinksOddAnswers(t *testing.T) {
	for answer, want := range map[string]int64{
		`{"shareCodes":[]}`: 0, `{"shareCodes":["a"]}`: 1, `{"shareCodes":[7,{"code":"a"}]}`: 2,
		`{"shareCodes":null}`: -1, `{"shareCodes":"a"}`: -1, `{"shareCodes":{"a":1}}`: -1, `{}`: -1, `["a"]`: -1, `null`: -1,
	} {
		odd := true
		_, c, id := shareServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !odd {
					next.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, answer)
			})
		}}, 4)
		n, err := c.Projects.ShareLinks(t.Context(), id)
		if want >= 0 && (n != want || err != nil) || want < 0 && !errors.Is(err, comet.ErrUnclear) {
			t.Errorf("%s: %d, %v", answer, n, err)
		}
		odd = false
		if n, err := c.Projects.ShareLinks(t.Context(), id); n != 4 || err != nil {
			t.Errorf("after %s: %d, %v", answer, n, err)
		}
	}
}

// A share link whose answer is lost is made once, also over a connection that is
// used again, where net/http would repeat a GET by itself.
func TestAddShareLinkLost(t *testing.T) {
	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultLost, Endpoint: "GET *add-share-link", From: 1, To: 1})
	srv, c, id := shareServer(t, comettest.Options{Middleware: faults.Middleware}, 0)
	if _, err := c.Projects.ShareLinks(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := c.Projects.AddShareLink(t.Context(), id); !errors.Is(err, comet.ErrUncertain) {
		t.Errorf("got %v, want it uncertain", err)
	}
	if n := srv.State().Project("team", "p").ShareCodes; n != 1 {
		t.Errorf("%d share links were made", n)
	}
}
