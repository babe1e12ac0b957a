package contract

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// What is not in a folder of cometx, or was taken away for the comparison.
var notInFolders = []string{"requirements", "artifacts", "models", "panels", "links"}

// TestCometx moves experiments through folders: those that cometx has downloaded
// into our tools, and those that our tools have written into cometx.
func TestCometx(t *testing.T) {
	c := withCometx(t)
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{})
	for _, script := range []string{"live.py", "offline.py", "start.py", "rest.py"} {
		c.run(t, src, script).must(t)
	}
	c.run(t, src, "folders.py", "prepare").must(t)
	exported := tool(t, "comet-export", cli.Export, src, nil, "--archived", "exclude", workspace)

	// download -> our import. In several threads cometx mixes up assets of one name
	// where an experiment has remote ones.
	downloaded := filepath.Join(t.TempDir(), "downloaded")
	c.run(t, src, "folders.py", "download", "--debug", "--parallel", "1", "--output", downloaded, workspace).must(t)
	tool(t, "comet-import", cli.Import, dst, nil, "-d", downloaded, "--verify", workspace)
	imported := tool(t, "comet-export", cli.Export, dst, nil, workspace)
	sums := experiments(t, exported, "--sum")
	if len(sums) < 5 {
		t.Fatalf("only %d experiments are compared", len(sums))
	}
	if diff := gocmp.Diff(sums, experiments(t, imported, "--sum")); diff != "" {
		t.Errorf("what cometx has downloaded and our tools imported (-source +destination):\n%s", diff)
	}

	// our export -> import -> our folder -> cometx copy, which makes no less of it
	// than of its own folder
	extracted := filepath.Join(t.TempDir(), "extracted")
	filter(t, imported, "--extract", extracted)
	own, ours := c.copyFolder(t, downloaded), c.copyFolder(t, extracted)
	for name := range contents(t, exported) {
		if len(own[name]) == 0 {
			t.Errorf("cometx has copied no experiment %q of its own folder", name)
		}
		for i, want := range own[name] {
			if i >= len(ours[name]) || ours[name][i].points != want.points || ours[name][i].assets < want.assets {
				t.Errorf("experiment %q: cometx has copied %v of our folder, %v of its own", name, ours[name], own[name])
				break
			}
		}
	}
	if !t.Failed() {
		inTable(t, "cometx", c.version)
	}
}

// filter runs comet-filter on a stream.
func filter(t *testing.T, stream []byte, args ...string) []byte {
	t.Helper()
	return tool(t, "comet-filter", cli.Filter, nil, stream, args...)
}

// experiments returns the lines of experiments that a reading mode prints of a
// stream, by their keys.
func experiments(t *testing.T, stream []byte, mode string) map[string]string {
	t.Helper()
	keys := make(map[string]string)
	for line := range strings.Lines(string(filter(t, stream, "--list"))) {
		key, _, _ := strings.Cut(line, "\t")
		keys[key] = ""
	}
	less := filter(t, stream, append([]string{"-x"}, notInFolders...)...)
	for line := range strings.Lines(string(filter(t, less, mode))) {
		if key, value, _ := strings.Cut(line, "\t"); value != "" {
			if _, ok := keys[key]; ok {
				keys[key] = value
			}
		}
	}
	return keys
}

// copyFolder lets cometx copy the project in a folder to a new server, and returns
// what is there then. It stumbles over a confusion matrix without examples, in its
// own folder as well.
func (c client) copyFolder(t *testing.T, folder string) map[string][]content {
	t.Helper()
	srv := start(t, comettest.Options{})
	to := workspace + "/" + project
	c.run(t, srv, "folders.py", "copy", "--debug", "--path", folder, "--ignore", "confusion-matrix", "--", to, to).must(t)
	return contents(t, tool(t, "comet-export", cli.Export, srv, nil, to))
}

// A content is how much an experiment holds: a copy has other keys, ids and times.
type content struct{ points, assets int }

// contents returns what the experiments of a stream hold, by their names, and of
// several with one name from less to more.
func contents(t *testing.T, stream []byte) map[string][]content {
	t.Helper()
	found := make(map[string][]content)
	for line := range strings.Lines(string(filter(t, stream, "--list"))) {
		columns := strings.Split(line, "\t")
		if !strings.HasPrefix(columns[1], workspace+"/"+project+"/") {
			continue
		}
		var e content
		if _, err := fmt.Sscan(columns[6]+" "+columns[7], &e.points, &e.assets); err != nil {
			t.Fatal(err)
		}
		found[columns[2]] = append(found[columns[2]], e)
	}
	for _, list := range found {
		slices.SortFunc(list, func(a, b content) int { return cmp.Or(a.points-b.points, a.assets-b.assets) })
	}
	return found
}

// TestCometxPaths is TestPaths for cometx.
func TestCometxPaths(t *testing.T) {
	c := withCometx(t)
	named := c.paths(t, "cometx", "")
	if len(named) < 10 {
		t.Errorf("only %d paths were found: has the source another form?", len(named))
	}
	t.Logf("%d paths", len(named))
	for _, path := range unknown(t, named) {
		t.Errorf("cometx names the path %s, which the server does not know: implement it, or put it on the list with a reason", path)
	}
}
