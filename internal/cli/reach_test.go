package cli

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// tool runs one of the tools with an empty input, and returns its exit code and
// what it said.
func tool(t *testing.T, name string, args ...string) (code int, stderr string) {
	t.Helper()
	run := Export
	if name == "comet-import" {
		run = Import
	}
	var talk bytes.Buffer
	stdio := IO{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &talk}
	code = finish(t.Context(), name, stdio, run(t.Context(), stdio, args))
	return code, talk.String()
}

// webServer returns a server that does not log what goes wrong on purpose.
func webServer(t *testing.T, start func(*httptest.Server), h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(srv)
	t.Cleanup(srv.Close)
	return srv
}

// unproxied clears the variables that lead elsewhere.
func unproxied(t *testing.T) {
	t.Helper()
	isolate(t)
	for _, name := range []string{
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
		"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("COMET_API_KEY", comettest.DefaultAPIKey)
}

// What will not pass is told at once, with the right code, by both tools: nothing
// has been touched.
func TestMisconfiguredServer(t *testing.T) {
	plain, secure := (*httptest.Server).Start, (*httptest.Server).StartTLS
	shop := webServer(t, plain, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>The shop</title>")
	})
	tls := webServer(t, secure, http.NotFound)
	moved := webServer(t, plain, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://new.example"+r.URL.Path, http.StatusPermanentRedirect)
	})
	proxy := webServer(t, plain, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	for _, tt := range []struct {
		name, url, proxy string
		want             []string
	}{
		{"TLS to a plain port", strings.Replace(shop.URL, "http", "https", 1), "", []string{"the address must begin with http://"}},
		{"plain HTTP to a TLS port", strings.Replace(tls.URL, "https", "http", 1), "", []string{"the address must begin with https://"}},
		{"moved", moved.URL, "", []string{"redirected to https://new.example/api/rest/v2/account-details (if the instance has moved there, set its address to https://new.example/)"}},
		{"proxy", "https://comet.test", proxy.URL, []string{"the proxy " + proxy.Listener.Addr().String() + " answers 407 Proxy Authentication Required", "hint: requests go through the proxy"}},
		{"proxy of plain HTTP", "http://comet.test", proxy.URL, []string{"407 Proxy Authentication Required", "hint: requests go through the proxy"}},
		{"no such kind of proxy", "http://comet.test", "ftp://user:s3cretpassword@proxy.test", []string{`ALL_PROXY: no proxies of the kind "ftp": want http`}},
	} {
		for _, name := range []string{"comet-export", "comet-import"} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				unproxied(t)
				t.Setenv("COMET_URL_OVERRIDE", tt.url)
				t.Setenv("ALL_PROXY", tt.proxy)
				code, stderr := tool(t, name, "w")
				if code != ExitUsage {
					t.Errorf("exit code %d, want %d", code, ExitUsage)
				}
				for _, want := range append(tt.want, ": error: ") {
					if !strings.Contains(stderr, want) {
						t.Errorf("no %q in\n%s", want, stderr)
					}
				}
				if strings.Contains(stderr, comettest.DefaultAPIKey) || strings.Contains(stderr, "s3cret") {
					t.Errorf("a secret in\n%s", stderr)
				}
			})
		}
	}
}

// Writes that are redirected end an import at its first one.
func TestRedirectedImport(t *testing.T) {
	unproxied(t)
	var writes atomic.Int64
	srv := comettest.Start(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				next.ServeHTTP(w, r)
				return
			}
			writes.Add(1)
			http.Redirect(w, r, "https://new.example"+r.URL.Path, http.StatusTemporaryRedirect)
		})
	}})
	srv.SeedWorkspace("lab")
	t.Setenv("COMET_URL_OVERRIDE", srv.ClientlibURL())
	stream := exportedDemo(t)
	t.Setenv("COMET_URL_OVERRIDE", srv.ClientlibURL())
	code, stderr := tool(t, "comet-import", "-i", stream, "lab")
	if code != ExitUsage || !strings.Contains(stderr, "set its address to https://new.example/)") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if n := writes.Load(); n > 16 {
		t.Errorf("%d writes", n)
	}
}

// exportedDemo returns a file with the stream of a small project.
func exportedDemo(t *testing.T) string {
	t.Helper()
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 3, Metrics: 1, Points: 5})
	file := filepath.Join(t.TempDir(), "p.comet.zst")
	t.Setenv("COMET_URL_OVERRIDE", srv.ClientlibURL())
	if code, stderr := tool(t, "comet-export", "-o", file, "w/p"); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	return file
}

// The proxies of the environment are used, for what their variables are for, and
// what speaks SOCKS too.
func TestProxies(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedWorkspace("w")
	home, err := url.Parse(srv.ClientlibURL())
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	forward := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Host = home.Host }}
	proxy := webServer(t, (*httptest.Server).Start, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		forward.ServeHTTP(w, r)
	})
	socks := socksProxy(t, home.Host, &asked)
	for _, tt := range []struct {
		name string
		env  map[string]string
		used bool
	}{
		{"ALL_PROXY", map[string]string{"ALL_PROXY": proxy.URL}, true},
		{"all_proxy", map[string]string{"all_proxy": proxy.Listener.Addr().String()}, true},
		{"SOCKS", map[string]string{"ALL_PROXY": "socks5://" + socks}, true},
		{"SOCKS with names resolved there", map[string]string{"ALL_PROXY": "socks5h://" + socks}, true},
		{"HTTP_PROXY goes first", map[string]string{"HTTP_PROXY": proxy.URL, "ALL_PROXY": "http://127.0.0.1:1"}, true},
		{"HTTPS_PROXY is for another scheme", map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": proxy.URL}, true},
		{"NO_PROXY", map[string]string{"ALL_PROXY": proxy.URL, "NO_PROXY": "comet.test"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			unproxied(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			t.Setenv("COMET_URL_OVERRIDE", "http://comet.test/clientlib/")
			asked.Store(0)
			code, stderr := tool(t, "comet-export", "-l")
			if used := asked.Load() > 0; used != tt.used || used != (code == ExitOK) {
				t.Errorf("exit code %d, %d requests by the proxy\n%s", code, asked.Load(), stderr)
			}
		})
	}
}

// socksProxy is a proxy that speaks SOCKS 5, and connects to one address whatever
// it is asked for. It returns its own.
func socksProxy(t *testing.T, to string, asked *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		head := make([]byte, 2)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		io.CopyN(io.Discard, conn, int64(head[1])) // the ways to log in
		conn.Write([]byte{5, 0})
		ask := make([]byte, 5)
		if _, err := io.ReadFull(conn, ask); err != nil || ask[3] != 3 {
			return // not an address by name
		}
		io.CopyN(io.Discard, conn, int64(ask[4])+2)
		conn.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
		asked.Add(1)
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		go io.Copy(out, conn)
		io.Copy(conn, out)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// The certificates that the SDK is told to trust are trusted.
func TestCertificates(t *testing.T) {
	ca, err := inject.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	srv := comettest.Start(t, comettest.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if l, err = ca.Listener(l); err != nil {
		t.Fatal(err)
	}
	secure := &http.Server{Handler: srv, ErrorLog: log.New(io.Discard, "", 0)}
	go secure.Serve(l)
	t.Cleanup(func() { secure.Close() })
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, variable, value string
		code                  int
		want                  string
	}{
		{"none", "X", file, ExitFailed, "hint: name the certificate authority of"},
		{"of requests", "REQUESTS_CA_BUNDLE", file, ExitOK, ""},
		{"a folder", "REQUESTS_CA_BUNDLE", filepath.Dir(file), ExitOK, ""},
		{"of curl", "CURL_CA_BUNDLE", file, ExitOK, ""},
		{"no such file", "REQUESTS_CA_BUNDLE", file + "x", ExitUsage, "hint: the certificates come from REQUESTS_CA_BUNDLE"},
		{"no check", "COMET_INTERNAL_CHECK_TLS_CERTIFICATE", "False", ExitFailed, "warning: COMET_INTERNAL_CHECK_TLS_CERTIFICATE is ignored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			unproxied(t)
			t.Setenv("COMET_URL_OVERRIDE", "https://"+l.Addr().String())
			t.Setenv(tt.variable, tt.value)
			code, stderr := tool(t, "comet-export", "-l")
			if code != tt.code || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", code, tt.code, tt.want, stderr)
			}
		})
	}
}

// A wait is told however progress is shown, and not with -q; one that is longer
// than allowed is an error.
func TestWaitIsTold(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // "" for nothing
		code int
	}{
		{[]string{"--progress", "none", "--retry-max-elapsed", "2d"}, "(24h0m", ExitInterrupted},
		{[]string{"-q", "--retry-max-elapsed", "2d"}, "", ExitInterrupted},
		{nil, "error: ADDRESS/: GET /api/rest/v2/account-details: 429 Too Many Requests: ", ExitServer},
		{[]string{"--retry-max-elapsed", "10s"}, "the server asks for a longer wait than is allowed: 24h0m0s, where 10s are left", ExitServer},
		{[]string{"--retry-max-elapsed", "10s"}, "hint: run the same command again then, or raise --retry-max-elapsed", ExitServer},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			unproxied(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			srv := source(t, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After-Custom", "86400")
					w.WriteHeader(http.StatusTooManyRequests)
				})
			})
			talk := &toldWriter{told: make(chan struct{}, 1)}
			if tt.code == ExitInterrupted {
				go func() {
					if tt.want != "" {
						<-talk.told
					}
					cancel(&interruptError{os.Interrupt})
				}()
			}
			stdio := IO{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: talk}
			code := finish(ctx, "comet-export", stdio, Export(ctx, stdio, append(tt.args, "w/p")))
			want := strings.ReplaceAll(tt.want, "ADDRESS", strings.TrimSuffix(srv.ClientlibURL(), "/clientlib/"))
			if stderr := talk.String(); code != tt.code || !strings.Contains(stderr, want) || want == "" && strings.Contains(stderr, "waiting") {
				t.Errorf("exit code %d, want %d with %q\n%s", code, tt.code, want, stderr)
			}
		})
	}
}

// toldWriter tells when something has been written.
type toldWriter struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	told chan struct{}
}

func (w *toldWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.told <- struct{}{}:
	default:
	}
	return w.buf.Write(p)
}

func (w *toldWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// A path that leads to one of the two APIs, or to none, is told before anything is
// written or promised, with the address that answers.
func TestWrongPath(t *testing.T) {
	for _, tt := range []struct {
		name, prefix, path string
		export, imports    int
		want               string // to set the address to; "" if there is nothing to say
	}{
		{"the usual one", "", "/clientlib/", ExitOK, ExitOK, ""},
		{"none", "", "", ExitOK, ExitOK, ""},
		{"the other API", "", "/api", ExitOK, ExitUsage, "/clientlib/"},
		{"the whole other API", "", "/api/rest/v2/", ExitOK, ExitUsage, "/clientlib/"},
		{"a page", "", "/foo/", ExitOK, ExitUsage, "/clientlib/"},
		{"a prefix that is none", "", "/foo/clientlib/", ExitOK, ExitUsage, "/clientlib/"},
		{"below a prefix", "/comet", "/comet/clientlib/", ExitOK, ExitOK, ""},
		{"a prefix alone", "/comet", "/comet", ExitOK, ExitOK, ""},
		{"the other API below a prefix", "/comet", "/comet/api/", ExitUsage, ExitUsage, "/comet/clientlib/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			unproxied(t)
			file := exportedDemo(t)
			srv := comettest.Start(t, comettest.Options{Prefix: tt.prefix})
			srv.SeedWorkspace("w")
			root := strings.TrimSuffix(srv.ClientlibURL(), tt.prefix+"/clientlib/")
			for name, test := range map[string]struct {
				args []string
				code int
			}{
				"comet-export":           {[]string{"-l"}, tt.export},
				"comet-import":           {[]string{"-i", file, "w"}, tt.imports},
				"comet-import --dry-run": {[]string{"--dry-run", "-i", file, "w"}, tt.imports},
			} {
				t.Setenv("COMET_URL_OVERRIDE", root+tt.path)
				srv.ResetStats()
				command, _, _ := strings.Cut(name, " ")
				code, stderr := tool(t, command, test.args...)
				if code != test.code {
					t.Errorf("%s: exit code %d, want %d\n%s", name, code, test.code, stderr)
				}
				hint := "hint: the address comes from COMET_URL_OVERRIDE; set it to " + root + tt.want
				if (test.code == ExitUsage) != strings.Contains(stderr, hint+"\n") {
					t.Errorf("%s: hint %q in\n%s", name, hint, stderr)
				}
				for call := range srv.Counts() {
					if test.code == ExitUsage && call != "unknown" && !strings.HasPrefix(call, "GET ") {
						t.Errorf("%s: request %s", name, call)
					}
				}
			}
		})
	}
}
