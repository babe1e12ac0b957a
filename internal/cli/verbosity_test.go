package cli

import (
	"bytes"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/progress"
)

func TestReportModes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	// The time of synctest begins with the year 2000.
	const tool, plain = "comet-filter: ", " 0 experiments, "
	for _, tt := range []struct {
		name   string
		args   []string
		stdout io.Writer
		after  time.Duration
		want   string // "" for silence until then
	}{
		{"silent before the first interval", nil, io.Discard, plainInterval - time.Second, ""},
		{"plain", nil, io.Discard, plainInterval + time.Second, tool + "2000-01-01T00:00:30Z" + plain + "30s\n"},
		{"not the last of a pipe, before", nil, w, pipedInterval - time.Second, ""},
		{"not the last of a pipe", nil, w, pipedInterval + time.Second, tool + "2000-01-01T00:01:00Z" + plain + "1m0s\n"},
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
