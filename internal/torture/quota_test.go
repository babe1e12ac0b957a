package torture

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/filelock"
)

// Processes of one machine that meet a quota act as one, also when one of them is
// killed: together they are refused hardly more often than one alone would be, and
// not each of them until it has learnt the quota by itself.
func TestProcessesShareQuota(t *testing.T) {
	if !filelock.Supported {
		t.Skip("this system has no locks that processes share")
	}
	network := &inject.Network{RequestsPerSecond: 50, Burst: 5, Latency: 5 * time.Millisecond}
	src := start(t, network)
	seedMany(src, dice(t), 4)
	cache := t.TempDir()
	type exporting struct {
		*exec.Cmd
		said *bytes.Buffer
	}
	var all []exporting
	for range 9 {
		cmd, said := process(t, "comet-export", append(src.flags, "-o", filepath.Join(t.TempDir(), "many.comet.zst"), "lab/many")...)
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, exporting{cmd, said})
	}
	for network.Stats().Requests < 100 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := all[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = all[0].Wait() // it was killed
	for _, e := range all[1:] {
		if code := codeOf(t, e.Wait()); code != cli.ExitOK {
			t.Errorf("exit code %d:\n%s", code, e.said)
		}
	}
	stats := network.Stats()
	t.Logf("%d requests, %d refused", stats.Requests, stats.Refused)
	if most := stats.Requests / 30; stats.Refused > most {
		t.Errorf("%d of %d requests refused, want %d at most", stats.Refused, stats.Requests, most)
	}
}
