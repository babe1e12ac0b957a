package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The zip that an OfflineExperiment leaves becomes a stream whose import leaves what
// "comet upload" of it does; a second import writes nothing.
func TestOfflineArchive(t *testing.T) {
	python := os.Getenv("COMET_STREAM_PYTHON")
	if python == "" {
		t.Skip("COMET_STREAM_PYTHON names no Python with python/requirements.txt: make contract sets it")
	}
	eachClient(t, func(t *testing.T, c client) {
		src, dst := start(t, comettest.Options{}), start(t, comettest.Options{})
		folder := t.TempDir()
		c.run(t, src, "archive.py", folder).must(t)
		stream := fromArchive(t, python, folder, 0)
		tool(t, "comet-import", cli.Import, dst, stream, "--verify", workspace)
		before := dst.Requests()
		tool(t, "comet-import", cli.Import, dst, stream, workspace)
		for _, r := range dst.Requests()[len(before):] {
			if strings.Contains(r.Path, "/write/") || strings.Contains(r.Path, "/batch/") {
				t.Errorf("the second import writes: %s %s", r.Method, r.Path)
			}
		}
		uploaded := leaves(t, tool(t, "comet-export", cli.Export, src, nil, workspace+"/"+project))
		imported := leaves(t, tool(t, "comet-export", cli.Export, dst, nil, workspace+"/"+project))
		for at, value := range uploaded {
			if imported[at] != value {
				t.Errorf("%s: %s uploaded, %s imported", at, value, imported[at])
			}
			delete(imported, at)
		}
		for at, value := range imported {
			t.Errorf("%s: %s is imported alone", at, value)
		}
		damaged(t, python, folder)
	})
}

// fromArchive returns the stream that the example makes of the zips in a folder.
func fromArchive(t *testing.T, python, folder string, code int) []byte {
	t.Helper()
	zips, err := filepath.Glob(filepath.Join(folder, "*.zip"))
	if err != nil || len(zips) == 0 {
		t.Fatal("no zip", err)
	}
	out := filepath.Join(t.TempDir(), "out.comet.zst")
	cmd := exec.CommandContext(t.Context(), python, append([]string{"../../examples/from-comet-offline/from_comet_offline.py", "-o", out}, zips...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../python", "PYTHONDONTWRITEBYTECODE=1")
	output, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != code {
		t.Fatalf("exit code %d, want %d: %v\n%s", cmd.ProcessState.ExitCode(), code, err, output)
	}
	stream, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	filter(t, stream, "--check")
	return stream
}

// damaged checks that a zip whose messages are cut, as a run leaves it that was
// killed, is taken as far as it goes.
func damaged(t *testing.T, python, folder string) {
	t.Helper()
	const cut = `import sys, zipfile
old, new = zipfile.ZipFile(sys.argv[1]), zipfile.ZipFile(sys.argv[2], "w")
for name in old.namelist():
    data = old.read(name)
    new.writestr(name, data[:len(data) // 2] if name == "messages.json" else data)
new.close()`
	zips, _ := filepath.Glob(filepath.Join(folder, "*.zip"))
	to := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), python, "-c", cut, zips[0], filepath.Join(to, "cut.zip")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if lines := filter(t, fromArchive(t, python, to, 3), "--list"); bytes.Count(lines, []byte("\n")) != 1 {
		t.Errorf("the zip with cut messages becomes %q", lines)
	}
}

// ofUpload are the members that are those of the upload: when it was, and what a
// server gives.
var ofUpload = map[string]bool{
	"end": true, "endTimeMillis": true, "durationMillis": true, "createdAt": true, "lastUpdated": true, "projectId": true,
}

// leaves returns the values in the records of a stream, by where they are.
func leaves(t *testing.T, stream []byte) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for line := range bytes.Lines(filter(t, stream, "--json")) {
		var rec struct {
			Kind, Asset string
			Body        map[string]any
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		values, isValues := rec.Body["values"].([]any)
		switch {
		case rec.Kind == "header" || rec.Kind == "trailer" || rec.Kind == "experiment-end" || strings.Contains(string(line), "histogram_combined_3d"):
		case rec.Kind == "metrics": // points of one time have no order
			columns := []string{"value", "time", "step", "epoch", "context"}
			for i := range rec.Body["value"].([]any) {
				point := ""
				for _, name := range columns {
					if column, ok := rec.Body[name].([]any); ok {
						point += fmt.Sprint(column[i], " ")
					}
				}
				found[fmt.Sprintf("point of %v: %s", rec.Body["name"], point)] = "there"
			}
		case isValues:
			for _, value := range values {
				leavesOf(found, fmt.Sprintf("%s %v", rec.Kind, value.(map[string]any)["name"]), value)
			}
		default:
			leavesOf(found, fmt.Sprintf("%s %s %v", rec.Kind, rec.Asset, rec.Body["name"]), rec.Body)
		}
	}
	return found
}

func leavesOf(found map[string]string, at string, value any) {
	members, ok := value.(map[string]any)
	if !ok {
		found[at] = fmt.Sprint(value)
		return
	}
	for name, member := range members {
		// Others have the time of their upload.
		if !ofUpload[name] && !(strings.HasPrefix(at, "others ") && strings.HasPrefix(name, "timestamp")) {
			leavesOf(found, at+"."+name, member)
		}
	}
}
