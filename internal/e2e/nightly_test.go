package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// change makes a call that changes a server.
func change(t *testing.T, in *instance, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, in.URL()+"api/rest/v2/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", in.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
}

// A base and what each night adds to it restore, joined by cat, what the source has
// now: what is new, what was running, archived, renamed or tagged goes again, and
// nothing else does; what is gone is named.
func TestNightly(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"lab"}})
	src.SeedDemo("demo")
	seed := func(name string, spec comettest.ExperimentSpec) string {
		spec.Name, spec.Start = name, epoch
		if !spec.Running {
			spec.End = epoch + 1000
		}
		spec.Points = []comettest.MetricPoint{{Metric: "loss", Value: "0.5", Time: epoch}}
		return src.SeedExperiment("demo", "nights", spec)
	}
	same := seed("same", comettest.ExperimentSpec{Tags: []string{"b", "a"}})
	running := seed("running", comettest.ExperimentSpec{Running: true})
	archived, renamed, tagged := seed("archived", comettest.ExperimentSpec{}), seed("old name", comettest.ExperimentSpec{}), seed("tagged", comettest.ExperimentSpec{})
	gone := seed("gone", comettest.ExperimentSpec{})

	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	runExport(src, "-o", file("base"), "demo").want(t, cli.ExitOK)
	runImport(dst, read(t, file("base")), "lab").want(t, cli.ExitOK)

	// A night without changes: neither experiments, but the one that runs, nor
	// versions of artifacts, but the one that is open.
	runExport(src, "-o", file("0"), "--changed-from", file("base"), "--report", file("report"), "demo").want(t, cli.ExitOK).
		says(t, "compared with the archive: 11 experiments unchanged and left out, 2 new or changed, 0 no longer at the source")
	sums := string(runFilter(read(t, file("0")), "--sum").want(t, cli.ExitOK).stdout)
	if strings.Count(sums, "artifact-version ") != 1 || !strings.Contains(sums, "artifact-version digits:3.0.0\t") || strings.Count(sums, "project\t") != 5 {
		t.Errorf("a night without changes:\n%s", sums)
	}

	change(t, src, "GET", "write/experiment/archive?experimentKey="+archived, "")
	change(t, src, "POST", "write/experiment/tags", `{"experimentKey":"`+tagged+`","addedTags":["final"]}`)
	change(t, src, "POST", "write/experiment/log-other", `{"experimentKey":"`+renamed+`","key":"Name","value":"new name"}`)
	change(t, src, "GET", "write/experiment/delete?experimentKey="+gone, "")
	change(t, src, "POST", "write/artifacts/state", `{"artifactVersionId":"`+openVersion(t, src)+`","experimentKey":"`+same+`","state":"CLOSED"}`)
	fresh := seed("fresh", comettest.ExperimentSpec{})
	r := runExport(src, "-o", file("1"), "--changed-from", file("base"), "--report", file("report"), "demo").want(t, cli.ExitOK)
	r.says(t, `no longer at the source: experiment "`+gone+`"`, "6 new or changed, 1 no longer at the source")
	if !strings.Contains(string(read(t, file("report"))), `"key":"`+gone+`","workspace":"demo","project":"nights","name":"gone","result":"gone"`) {
		t.Errorf("the report does not name what is gone:\n%s", read(t, file("report")))
	}
	listed := string(runFilter(read(t, file("1")), "--list").want(t, cli.ExitOK).stdout)
	for key, want := range map[string]bool{same: false, running: true, archived: true, renamed: true, tagged: true, fresh: true, gone: false} {
		if strings.Contains(listed, key) != want {
			t.Errorf("experiment %s in the increment: %v\n%s", key, !want, listed)
		}
	}

	// Of shards, one names it.
	var named int
	for _, shard := range []string{"0/2", "1/2"} {
		named += strings.Count(runExport(src, "--changed-from", file("base"), "--shard", shard, "demo").want(t, cli.ExitOK).stderr, `"`+gone+`"`)
	}
	if named != 1 {
		t.Errorf("what is gone is named by %d shards of two", named)
	}

	// The next night is compared with both.
	again := seed("again", comettest.ExperimentSpec{})
	runExport(src, "-o", file("2"), "--changed-from", file("base"), "--changed-from", file("1"), "demo").want(t, cli.ExitOK).
		says(t, "3 new or changed, 1 no longer at the source")
	listed = string(runFilter(read(t, file("2")), "--list").want(t, cli.ExitOK).stdout)
	if !strings.Contains(listed, again) || strings.Contains(listed, fresh) || strings.Contains(listed, archived) {
		t.Errorf("the second increment:\n%s", listed)
	}

	// Into the destination that has the base, and into an empty one.
	all := slices.Concat(read(t, file("base")), read(t, file("1")), read(t, file("2")))
	empty := start(t, comettest.Options{Workspaces: []string{"lab"}})
	for name, to := range map[string]*instance{"the one that has the base": dst, "an empty one": empty} {
		runImport(to, all, "--update", "lab").want(t, cli.ExitOK)
		now := runExport(src, "demo").want(t, cli.ExitOK).stdout
		if r := runImport(to, now, "--verify-only", "lab"); r.code != cli.ExitOK {
			t.Errorf("%s: %d\n%s", name, r.code, r.stderr)
		}
	}

	// What looks unchanged goes again in its turn, half of it each night.
	runExport(src, "-o", file("3"), "--changed-from", file("base"), "--changed-from", file("1"), "--changed-from", file("2"), "--recheck", "50%", "demo").want(t, cli.ExitOK).
		says(t, "6 experiments unchanged and left out, 2 new or changed, 1 no longer at the source", "--recheck: exported 6 experiments")
	for _, args := range [][]string{{"--recheck", "5%"}, {"--changed-from", file("base"), "--recheck", "5"}, {"--changed-from", file("base"), "--recheck", "101%"}} {
		runExport(src, append(args, "demo")...).want(t, cli.ExitUsage)
	}

	// What is no whole archive is no base.
	for name, data := range map[string][]byte{"cut": read(t, file("base"))[:5000], "empty": nil, "other": []byte("key\n")} {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		runExport(src, "--changed-from", file(name), "demo").want(t, cli.ExitUsage).says(t, "--changed-from: "+file(name)+": ", "hint: it needs a whole archive")
	}
	// Nor is it what is written, which would lose what has not changed.
	runExport(src, "-o", file("base"), "--changed-from", file("1"), "--changed-from", file("base"), "demo").want(t, cli.ExitUsage).says(t, "is the archive that --changed-from names")
	if r := runExport(src, "--changed-from", file("missing"), "demo"); r.code != cli.ExitUsage || bytes.Contains(r.stdout, []byte("comet")) {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
}

// openVersion returns the id of the version of an artifact of the demo that is open.
func openVersion(t *testing.T, in *instance) string {
	for _, a := range in.State(comettest.StateOptions{}).Workspace("demo").Artifacts {
		for _, v := range a.Versions {
			if v.State == "OPEN" {
				return v.ID
			}
		}
	}
	t.Fatal("no version is open")
	return ""
}

// An archive that lacks part of what is exported now has not got its experiments,
// whoever left it out; what is left out again is no change.
func TestNightlyOfParts(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedExperiment("demo", "nights", comettest.ExperimentSpec{Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{{Name: "a", Type: "image", Body: []byte("a")}}})
	dir := t.TempDir()
	whole := runExport(src, "demo").want(t, cli.ExitOK).stdout
	for name, test := range map[string]struct {
		archive []byte
		flags   []string
		same    bool
	}{
		"whole":                     {whole, nil, true},
		"filtered to all":           {runFilter(whole, "--tag", "none", "-x").stdout, nil, true},
		"filtered by resource":      {runFilter(whole, "-x", "assets").stdout, nil, false},
		"filtered by asset":         {runFilter(whole, "--asset-type", "audio").stdout, nil, false},
		"small assets":              {runExport(src, "--max-asset-size", "0", "demo").stdout, nil, false},
		"small assets both times":   {runExport(src, "--max-asset-size", "0", "demo").stdout, []string{"--max-asset-size", "0"}, true},
		"metrics":                   {runExport(src, "demo", "metrics").stdout, nil, false},
		"metrics both times":        {runExport(src, "demo", "metrics").stdout, []string{"metrics"}, true},
		"one shard of all":          {runFilter(whole, "--shard", "0/1").stdout, nil, true},
		"a part and then the whole": {slices.Concat(runFilter(whole, "-x", "assets").stdout, whole), nil, true},
	} {
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(file, test.archive, 0o600); err != nil {
			t.Fatal(err)
		}
		r := runExport(src, append([]string{"--changed-from", file, "demo"}, test.flags...)...).want(t, cli.ExitOK)
		if test.same {
			r.says(t, "1 experiment unchanged and left out")
		} else {
			r.says(t, "0 experiments unchanged and left out", file+" has only part of 1 experiment, exported again")
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
