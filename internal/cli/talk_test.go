package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/progress"
)

func TestReportModes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	const plain = "comet-filter: 0 experiments, "
	for _, tt := range []struct {
		name   string
		args   []string
		stdout io.Writer
		after  time.Duration
		want   string // "" for silence until then
	}{
		{"silent before the first interval", nil, io.Discard, plainInterval - time.Second, ""},
		{"plain", nil, io.Discard, plainInterval + time.Second, plain + "30s\n"},
		{"not the last of a pipe, before", nil, w, pipedInterval - time.Second, ""},
		{"not the last of a pipe", nil, w, pipedInterval + time.Second, plain + "1m0s\n"},
		{"none", []string{"--progress", "none"}, io.Discard, time.Hour, ""},
		{"quiet", []string{"-q"}, io.Discard, time.Hour, ""},
		{"a line that is asked for", []string{"--progress", "tty"}, w, 250 * time.Millisecond, "\r\x1b[K0 experiments, 0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stderr bytes.Buffer
				cmd := newCommand("comet-filter", "", IO{Stdout: tt.stdout, Stderr: &stderr})
				if _, err := cmd.parse(tt.args); err != nil {
					t.Fatal(err)
				}
				report := cmd.startReport(new(progress.Counters))
				time.Sleep(tt.after)
				synctest.Wait()
				if got := stderr.String(); got != tt.want {
					t.Errorf("stderr %q, want %q", got, tt.want)
				}
				report.Close()
			})
		})
	}
}

func TestReportOnTerminal(t *testing.T) {
	tty := terminal(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, tt := range []struct {
		name, term string
		stdout     io.Writer
		want       progress.Mode
	}{
		{"last of the pipe", "xterm", io.Discard, progress.Line},
		{"not the last", "xterm", w, progress.Plain},
		{"a terminal that cannot wipe", "dumb", io.Discard, progress.Plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", tt.term)
			cmd := newCommand("comet-filter", "", IO{Stdout: tt.stdout, Stderr: tty})
			if got := cmd.reportOptions().Mode; got != tt.want {
				t.Errorf("mode %v, want %v", got, tt.want)
			}
		})
	}
}

func TestEndpointWarns(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	for _, name := range []string{"COMET_CONFIG", "COMET_INI", "COMET_EXPORT_API_KEY", "COMET_EXPORT_URL_OVERRIDE"} {
		t.Setenv(name, "")
	}
	t.Setenv("COMET_API_KEY", "abc*eyJiYXNlVXJsIjoiaHR0cHM6Ly9hLmV4YW1wbGUifQ")
	t.Setenv("COMET_URL_OVERRIDE", "https://b.example/clientlib/")
	var stderr bytes.Buffer
	cmd := newCommand("comet-export", "", IO{Stdout: io.Discard, Stderr: &stderr})
	cmd.addCredentialFlags(config.Export)
	if _, err := cmd.parse([]string{"ws"}); err != nil {
		t.Fatal(err)
	}
	report := cmd.startReport(new(progress.Counters))
	endpoint, err := cmd.endpoint(report)
	report.Close()
	if err != nil || endpoint.Address() != "https://b.example/" {
		t.Fatalf("endpoint %v, %v", endpoint, err)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "comet-export: warning: the key from COMET_API_KEY is for https://a.example/") || strings.Contains(got, "abc") {
		t.Errorf("stderr %q", got)
	}
}
