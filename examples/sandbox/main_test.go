package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The sandbox prints what a script needs to use it, and ends when it is told.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	profile := filepath.Join(t.TempDir(), "server.cpu")
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, w, io.Discard, []string{
			"-workspace", "w", "-seed", "synthetic:experiments=3,size=1K", "-version", "3.30.0", "-profile", profile,
		})
	}()
	env := make(map[string]string)
	lines := bufio.NewScanner(r)
	for len(env) < 4 && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		env[name] = value
	}
	req, err := http.NewRequestWithContext(ctx, "GET", env["URL"]+"api/rest/v2/experiments?workspaceName=w&projectName=synthetic", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", env["COMET_API_KEY"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct{ Experiments []any }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || len(doc.Experiments) != 3 {
		t.Errorf("listing has %d experiments, want 3 (%v)", len(doc.Experiments), err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if fi, err := os.Stat(profile); err != nil || fi.Size() == 0 {
		t.Errorf("no profile is left: %v", err)
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-seed", "nothing"}, {"-seed", "synthetic:x=1"}, {"-seed", "synthetic:size=1T"}, {"-moods", `{"x":1}`},
		{"-version", "new"}, {"extra"}, {"-addr", "no port"},
	} {
		if err := run(t.Context(), io.Discard, io.Discard, args); err == nil {
			t.Errorf("run(%q) is content", args)
		}
	}
}

// The faults of a running sandbox can be set by HTTP.
func TestFaults(t *testing.T) {
	s, err := parseFlags(io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := s.newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/clientlib/health/ping", "", 200},
		{"POST", "/_comettest/faults", `{"rules":[{"kind":"503","rate":1}]}`, 200},
		{"GET", "/clientlib/health/ping", "", 503},
		{"GET", "/_comettest/stats", "", 200},
	} {
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), step.method, step.path, strings.NewReader(step.body)))
		if rec.Code != step.want {
			t.Errorf("%s %s: status %d, want %d: %s", step.method, step.path, rec.Code, step.want, rec.Body)
		}
	}
}
