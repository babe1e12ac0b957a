package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Share links are made again, which is told so that somebody hands them out. No
// code of the source or the destination is in the stream, in the report, or in
// anything that the tools say.
func TestShareLinks(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"lab"}})
	src.SeedProject("team", "p", comettest.ProjectSpec{ShareLinks: 3})
	dst.SeedProject("lab", "p", comettest.ProjectSpec{ShareLinks: 1})
	report := filepath.Join(t.TempDir(), "report")

	exported := runExport(src, "-v", "team/p").want(t, cli.ExitOK)
	stream := exported.stdout
	said := [][]byte{[]byte(exported.stderr), runFilter(stream, "--json").want(t, cli.ExitOK).stdout}
	importing := func(code int, args ...string) result {
		r := runImport(dst, stream, append([]string{"-v", "--report", report}, append(args, "lab")...)...).want(t, code)
		lines, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, []byte(r.stderr), r.stdout, lines)
		return r
	}
	has := func(want int) {
		t.Helper()
		if n := dst.State().Project("lab", "p").ShareCodes; n != want {
			t.Errorf("the destination has %d share links, want %d", n, want)
		}
	}

	importing(cli.ExitOK, "--no-share-links").says(t, "nothing was written")
	has(1)
	importing(cli.ExitOK, "--dry-run").says(t, `project "lab/p": share links: noted: 2 would be created`, "also: 2 share links")
	importing(cli.ExitDiffers, "--verify-only").says(t, `project "lab/p": share links: unverified: 3 in the stream, 1 at the destination`)
	has(1)
	importing(cli.ExitOK, "--verify").says(t, `project "lab/p": share links: noted: 2 created with new codes: hand these out`)
	has(3)
	if lines := string(said[len(said)-1]); !strings.Contains(lines, "2 created with new codes") {
		t.Errorf("the report does not tell of them: %s", lines)
	}
	importing(cli.ExitOK, "--verify").says(t, "nothing was written")
	importing(cli.ExitOK, "--verify-only")
	has(3)
	sameSums(t, stream, runExport(dst, "lab/p").want(t, cli.ExitOK).stdout)

	for _, in := range []struct {
		*instance
		path string
	}{{src, "team"}, {dst, "lab"}} {
		for _, code := range shareCodes(t, in.instance, in.State().Project(in.path, "p").ID) {
			for _, text := range said {
				if bytes.Contains(text, []byte(code)) {
					t.Errorf("the code of a share link is in %s", head(string(text)))
				}
			}
		}
	}
}

// The number of share links is chosen and left out with the details of a project,
// and a stream without it is imported as before.
func TestShareLinksLeftOut(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedProject("team", "p", comettest.ProjectSpec{Notes: "# Notes\n", ShareLinks: 2})
	stream := runExport(src, "team/p").want(t, cli.ExitOK).stdout
	for _, left := range [][]byte{
		runFilter(stream, "-x", "project_metadata").want(t, cli.ExitOK).stdout,
		runExport(src, "team/p", "project_notes").want(t, cli.ExitOK).stdout,
	} {
		dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
		runImport(dst, left, "lab").want(t, cli.ExitOK)
		if p := dst.State().Project("lab", "p"); p.ShareCodes != 0 || p.Notes != "# Notes\n" {
			t.Errorf("the destination has %+v", p)
		}
	}
	dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(dst, runFilter(stream, "--rename", "team/p=lab/q").want(t, cli.ExitOK).stdout).want(t, cli.ExitOK)
	if n := dst.State().Project("lab", "q").ShareCodes; n != 2 {
		t.Errorf("renamed, it has %d share links", n)
	}
}

// A source without the call says nothing of share links, and tells so; a
// destination without it lacks them, and nothing else.
func TestShareLinksOldServers(t *testing.T) {
	old := comettest.Moods{Lacks: []string{"project/get-project-share-links", "write/project/add-share-link"}}
	full := start(t, comettest.Options{})
	full.SeedProject("team", "p", comettest.ProjectSpec{Notes: "# Notes\n", ShareLinks: 2})
	stream := runExport(full, "team/p").want(t, cli.ExitOK).stdout
	dst := start(t, comettest.Options{Workspaces: []string{"lab"}, Moods: old})
	for range 2 {
		runImport(dst, stream, "lab").want(t, cli.ExitIncomplete).says(t, `project "lab/p": share links: missing: 2 in the stream: `)
	}
	runImport(dst, stream, "--no-share-links", "--verify", "lab").want(t, cli.ExitOK)

	src := start(t, comettest.Options{Moods: old})
	src.SeedProject("team", "p", comettest.ProjectSpec{Notes: "# Notes\n", ShareLinks: 2})
	r := runExport(src, "team/p").want(t, cli.ExitOK).says(t, "the server does not provide share links")
	dst = start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(dst, r.stdout, "lab").want(t, cli.ExitOK)
	if n := dst.State().Project("lab", "p").ShareCodes; n != 0 {
		t.Errorf("the destination has %d share links", n)
	}
}
