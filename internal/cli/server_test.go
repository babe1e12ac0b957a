package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/progress"
	"golang.org/x/time/rate"
)

const testKey = "s3cretkey"

// isolate hides the configuration of whoever runs the tests.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	for _, name := range []string{"COMET_CONFIG", "COMET_INI", "COMET_EXPORT_API_KEY", "COMET_EXPORT_URL_OVERRIDE", "XDG_CACHE_HOME", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
}

// testServer opens the server of a comet-export that args are given to, in a
// process without any configuration, and returns what it writes to standard
// error once closed.
func testServer(t *testing.T, args ...string) (*server, func() string, error) {
	t.Helper()
	isolate(t)
	var stderr bytes.Buffer
	cmd := newCommand("comet-export", "", IO{Stdout: io.Discard, Stderr: &stderr})
	cmd.addServerFlags(config.Export)
	if _, err := cmd.parse(append(args, "--progress", "none", "ws")); err != nil {
		t.Fatal(err)
	}
	report := cmd.startReport(new(progress.Counters))
	s, err := cmd.openServer(report)
	return s, func() string {
		if s != nil {
			s.Close()
		}
		report.Summary()
		report.Close()
		return stderr.String()
	}, err
}

func TestServerIntroduces(t *testing.T) {
	var agent string
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != testKey || r.URL.Path != "/api/rest/v2/account-details" {
			t.Errorf("request %s by %q", r.URL, r.Header.Get("Authorization"))
		}
		agent = r.Header.Get("User-Agent")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"userName":"alice\u001b[2J","defaultWorkspaceName":"alice"}`)
	}))
	defer remote.Close()
	t.Setenv("COMET_API_KEY", testKey)
	t.Setenv("COMET_URL_OVERRIDE", remote.URL+"/clientlib/")
	s, done, err := testServer(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.introduce(t.Context(), "from"); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf("comet-export: from %s/ as \"alice\\x1b[2J\" (key from COMET_API_KEY)\ncomet-export: 0 experiments, 1 request, 0s\n", remote.URL)
	if got := done(); got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if !strings.HasPrefix(agent, "comet-export/") {
		t.Errorf("User-Agent %q", agent)
	}
}

func TestServerExplains(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		code   int
		hint   string
	}{
		{"wrong key", 401, ExitDenied, "the key comes from COMET_API_KEY; is it a key of ADDRESS/?"},
		{"no permission", 403, ExitDenied, "the key from COMET_API_KEY may not do this on ADDRESS/"},
		{"no plan", 402, ExitDenied, "the address comes from COMET_URL_OVERRIDE; is a Comet instance there?"},
		{"other JSON", 200, ExitServer, "the address comes from COMET_URL_OVERRIDE; is a Comet instance there?"},
		{"outage", 503, ExitServer, "run the same command again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				io.WriteString(w, "{}")
			}))
			defer remote.Close()
			t.Setenv("COMET_API_KEY", testKey)
			t.Setenv("COMET_URL_OVERRIDE", remote.URL)
			s, done, err := testServer(t, "--retry-max-elapsed", "1ms")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.introduce(t.Context(), "from")
			if got := ExitCode(err); got != tt.code {
				t.Errorf("%v: exit code %d, want %d", err, got, tt.code)
			}
			hints := strings.Join(hintsOf(err), "\n")
			if want := strings.ReplaceAll(tt.hint, "ADDRESS", remote.URL); !strings.Contains(hints, want) || want == "" && hints != "" {
				t.Errorf("hints %q, want %q", hints, want)
			}
			if shown := done() + err.Error() + hints; strings.Contains(shown, testKey) {
				t.Errorf("the key shows in %q", shown)
			}
		})
	}
}

func TestServerTellsOfTLS(t *testing.T) {
	remote := httptest.NewUnstartedServer(http.NotFoundHandler())
	remote.Config.ErrorLog = log.New(io.Discard, "", 0)
	remote.StartTLS()
	defer remote.Close()
	t.Setenv("COMET_API_KEY", testKey)
	t.Setenv("COMET_URL_OVERRIDE", remote.URL)
	s, done, err := testServer(t, "--retry-max-elapsed", "1ms")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	_, err = s.introduce(t.Context(), "from")
	if hints := strings.Join(hintsOf(err), "\n"); !strings.Contains(hints, "--ca-file") {
		t.Errorf("%v: hints %q, want --ca-file", err, hints)
	}
}

func TestOpenServerErrors(t *testing.T) {
	for _, tt := range []struct {
		name, key, args, want string
	}{
		{"no key", "", "", "no API key"},
		{"no concurrency", testKey, "--concurrency 0", "--concurrency 0: want 1 or more"},
		{"no certificates", testKey, "--ca-file /dev/null", "/dev/null"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("COMET_API_KEY", tt.key)
			_, done, err := testServer(t, strings.Fields(tt.args)...)
			done()
			if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, code %d; want %q, code 2", err, ExitCode(err), tt.want)
			}
		})
	}
}

func TestOpenServerWarns(t *testing.T) {
	t.Setenv("COMET_API_KEY", testKey+"*eyJiYXNlVXJsIjoiaHR0cHM6Ly9hLmV4YW1wbGUifQ")
	t.Setenv("COMET_URL_OVERRIDE", "https://b.example/clientlib/")
	_, done, err := testServer(t)
	if err != nil {
		t.Fatal(err)
	}
	want := "comet-export: warning: the key from COMET_API_KEY is for https://a.example/, and is sent to https://b.example/, as COMET_URL_OVERRIDE says\n"
	if got := done(); !strings.HasPrefix(got, want) || strings.Contains(got, testKey) {
		t.Errorf("stderr %q", got)
	}
}

func TestClientOptions(t *testing.T) {
	isolate(t)
	t.Setenv("COMET_API_KEY", testKey)
	for _, tt := range []struct {
		args string
		want comet.Options
	}{
		{"", comet.Options{MaxInFlight: 16, Rate: cloudQuota}},
		{"--rate none --retry-max-elapsed 10s", comet.Options{MaxInFlight: 16, Rate: comet.Rate{PerSecond: rate.Inf}, Retry: comet.Retry{MaxElapsed: 10 * time.Second, MaxThrottled: 10 * time.Second}}},
		{"--rate 4/s --concurrency 3 --retry-max-elapsed 0", comet.Options{
			Rate: comet.Rate{PerSecond: 4}, MaxInFlight: 3, Retry: comet.Retry{MaxElapsed: -1}}},
		{"--absent-words none --absent-words nil", comet.Options{
			MaxInFlight: 16, Rate: cloudQuota, AbsentWords: []string{"none", "nil"}}},
		{"--url http://127.0.0.1:1/clientlib/", comet.Options{MaxInFlight: 16}},
	} {
		cmd := newCommand("comet-export", "", IO{Stdout: io.Discard, Stderr: io.Discard})
		cmd.addServerFlags(config.Export)
		if _, err := cmd.parse(strings.Fields(tt.args)); err != nil {
			t.Fatal(err)
		}
		report := cmd.startReport(new(progress.Counters))
		s, err := cmd.openServer(report)
		if err != nil {
			t.Fatal(err)
		}
		got := cmd.clientOptions(s)
		if got.Rate != tt.want.Rate || got.MaxInFlight != tt.want.MaxInFlight || got.Retry != tt.want.Retry ||
			!slices.Equal(got.AbsentWords, tt.want.AbsentWords) {
			t.Errorf("%s: options %+v", tt.args, got)
		}
		s.Close()
		report.Close()
	}
}

func TestCodeOfCall(t *testing.T) {
	for status, want := range map[int]int{
		400: ExitServer, 401: ExitDenied, 402: ExitDenied, 403: ExitDenied, 404: ExitServer, 451: ExitDenied, 429: ExitServer, 500: ExitServer, 0: ExitFailed,
	} {
		err := fmt.Errorf("list experiments: %w", errors.Join(&comet.Error{Status: status}))
		if got := ExitCode(err); got != want {
			t.Errorf("status %d gives exit code %d, want %d", status, got, want)
		}
	}
}
