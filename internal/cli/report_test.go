package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/exporter"
)

// Names come from a server, and whoever prints a report prints them.
func TestReportEscapes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	c := &command{report: path}
	r, err := c.openReport()
	if err != nil {
		t.Fatal(err)
	}
	r.add(&exporter.Result{Key: "k", Name: "\x1b[2J \x7f \u009b1m \u202e ü <b>"})
	r.add(struct{}{})
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	if want := `"name":"\u001b[2J \u007f \u009b1m \u202e ü <b>"`; !strings.Contains(lines[0], want) {
		t.Errorf("the report has %q, want %s", lines[0], want)
	}
	if len(lines) != 3 || lines[1] != "{}" || lines[2] != "" {
		t.Errorf("lines %q", lines)
	}
}
