package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// TestRefusedAtTheStart has the first calls refused for good, by the server's own
// words: the exit code says whether it is for who asks (6), or another run may be
// answered otherwise (5), and is never that of a fault of ours.
func TestRefusedAtTheStart(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 1, Metrics: 1, Points: 5})
	unproxied(t)
	stream := exportedDemo(t)
	codes := map[int]int{
		400: ExitServer, 402: ExitDenied, 403: ExitDenied, 405: ExitServer, 409: ExitServer, 413: ExitServer,
		414: ExitServer, 415: ExitServer, 431: ExitServer, 451: ExitDenied, 501: ExitServer,
	}
	for _, path := range []string{"account-details", "workspaces", "projects"} {
		for status, code := range codes {
			h := webServer(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/rest/v2/"+path) {
					srv.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"msg":"The request cannot be served.","code":%d}`, status)
			})
			for name, args := range map[string][]string{"comet-export": {"w"}, "comet-import": {"-i", stream, "w"}} {
				want := code
				switch {
				case name == "comet-export" && path == "workspaces":
					continue // it does not ask for them
				case name == "comet-import" && path == "projects" && status != 400 && status != 403:
					want = ExitIncomplete // the projects that it concerns are named
				}
				t.Run(fmt.Sprint(path, " ", status, " ", name), func(t *testing.T) {
					t.Setenv("COMET_URL_OVERRIDE", h.URL)
					got, stderr := tool(t, name, append([]string{"--retry-max-elapsed", "100ms"}, args...)...)
					if got != want || !strings.Contains(stderr, "The request cannot be served.") {
						t.Errorf("exit code %d, want %d\n%s", got, want, stderr)
					}
				})
			}
		}
	}
}

// TestLoginPage has the first call led to where people log in: the message says
// where that is, and what the address comes from.
func TestLoginPage(t *testing.T) {
	here := webServer(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			http.Redirect(w, r, "/login?next="+r.URL.Path, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html><title>Sign in</title></html>")
	})
	elsewhere := webServer(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://sso.example/login?next="+r.URL.Path, http.StatusFound)
	})
	for address, login := range map[string]string{here.URL: here.URL + "/login", elsewhere.URL: "https://sso.example/login"} {
		for _, name := range []string{"comet-export", "comet-import"} {
			t.Run(name+" "+login, func(t *testing.T) {
				unproxied(t)
				t.Setenv("COMET_URL_OVERRIDE", address)
				code, stderr := tool(t, name, "w")
				if code != ExitUsage {
					t.Errorf("exit code %d, want %d", code, ExitUsage)
				}
				for _, want := range []string{"redirected to " + login + " (", "if this is a login page, set it to", "the address comes from COMET_URL_OVERRIDE"} {
					if !strings.Contains(stderr, want) {
						t.Errorf("no %q in\n%s", want, stderr)
					}
				}
			})
		}
	}
}
