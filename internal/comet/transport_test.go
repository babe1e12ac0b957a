package comet

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// The key, the allow header and the referrer stay with the configured host.
func TestRedirectToOtherHost(t *testing.T) {
	var leaked []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, v := range r.Header {
			switch name {
			case "User-Agent", "Accept-Encoding":
			default:
				leaked = append(leaked, fmt.Sprint(name, v))
			}
		}
		io.WriteString(w, "content")
	}))
	defer other.Close()
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/experiment/asset/get-asset": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != testKey || r.Header.Get("X-Gate") != "open sesame" {
				t.Errorf("home got %v", r.Header)
			}
			if r.URL.Query().Has("hop") {
				http.Redirect(w, r, other.URL+"/signed?X-Signature=abc", http.StatusTemporaryRedirect)
				return
			}
			http.Redirect(w, r, r.URL.String()+"&hop=1", http.StatusMovedPermanently)
		},
	}, func(o *api.Options) { o.AllowHeaderName, o.AllowHeaderValue = "X-Gate", "open sesame" })
	b, err := c.Assets.Content(t.Context(), api.AssetRequest{Key: "k", ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got, err := io.ReadAll(b); string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if leaked != nil {
		t.Errorf("the other host got %v", leaked)
	}
}

// A redirected write would turn into a read, or go to another place.
func TestRedirectedWrite(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		tries := 0
		c := newTestClient(t, map[string]http.HandlerFunc{
			"POST /api/rest/v2/write/experiment/tags": func(w http.ResponseWriter, r *http.Request) {
				tries++
				http.Redirect(w, r, "https://elsewhere.example/x?secret=1", status)
			},
		})
		err := c.Experiments.AddTags(t.Context(), "k", []string{"a"})
		if !errors.Is(err, api.ErrMoved) || !strings.Contains(err.Error(), "https://elsewhere.example/x ") || tries != 1 {
			t.Errorf("%d: %d tries, %v", status, tries, err)
		}
	}
}

func TestRedirectLoop(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/workspaces": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
	})
	if _, err := c.Workspaces.List(t.Context()); !errors.Is(err, api.ErrRedirects) {
		t.Errorf("got %v", err)
	}
}

func TestCAFile(t *testing.T) {
	srv := httptest.NewTLSServer(answer(workspacesDoc))
	defer srv.Close()
	// Failed handshakes are expected.
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(ca string) error {
		c, err := New(api.Options{URL: srv.URL, APIKey: testKey, CAFile: ca})
		if err != nil {
			return err
		}
		defer c.CloseIdle()
		_, err = c.Workspaces.List(t.Context())
		return err
	}
	if err := ask(file); err != nil {
		t.Errorf("with the CA file: %v", err)
	}
	if err := ask(dir); err != nil {
		t.Errorf("with its folder: %v", err)
	}
	// An unknown authority does not mend by waiting.
	if _, ok := errors.AsType[x509.UnknownAuthorityError](ask("")); !ok {
		t.Errorf("without: %v", ask(""))
	}
	if err := ask(filepath.Join(dir, "none.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(dir); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("folder of none: %v", err)
	}
	if err := ask(file); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("empty file: %v", err)
	}
}

// JSON answers are asked for and taken with gzip, connections are kept.
func TestConnections(t *testing.T) {
	remotes := make(map[string]bool)
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/workspaces": func(w http.ResponseWriter, r *http.Request) {
			remotes[r.RemoteAddr] = true
			if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("User-Agent") != "comet-stream" {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write(gzipped(workspacesDoc))
		},
	})
	for range 5 {
		if got, err := c.Workspaces.List(t.Context()); err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if len(remotes) != 1 {
		t.Errorf("%d connections, want 1", len(remotes))
	}
}

// gzipped returns a text with gzip.
func gzipped(text string) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := zw.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := zw.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
