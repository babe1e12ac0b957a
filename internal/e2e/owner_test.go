package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Projects stay with the user who imports, unless a list says who of the
// destination stands for their owners.
func TestOwner(t *testing.T) {
	src := start(t, comettest.Options{})
	for name, owner := range map[string]string{"a": "carol", "b": "dan", "c": "erin", "d": "frank"} {
		src.SeedProject("team", name, comettest.ProjectSpec{Owner: owner, Notes: "of " + owner})
	}
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	admin := comettest.Key{Key: "adminadminadminadmin00001", User: "bob", Admin: true}
	users := []comettest.Key{
		admin, {Key: "carolscarolscarolscaro001", User: "carol.smith"}, {Key: "ginasginasginasginasgi001", User: "gina"},
	}
	list := func(text string) string {
		name := filepath.Join(t.TempDir(), "owners")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	owners := func(in *instance) (list []string) {
		for _, p := range in.State().Workspace("team").Projects {
			if p.Name != "general" {
				list = append(list, p.Name+" "+p.Owner)
			}
		}
		return list
	}
	// With a byte order mark and the line ends of another system.
	file := list("\ufeff# source destination\r\ncarol\tcarol.smith\r\n\r\ndan   nobody\r\nerin bob\r\n")
	want := []string{"a carol.smith", "b bob", "c bob", "d bob"}

	plain := start(t, comettest.Options{Workspaces: []string{"team"}, Keys: users})
	runImport(plain, stream).want(t, cli.ExitOK)
	same(t, "owners without a list", strings.Join(owners(plain), ", "), "a bob, b bob, c bob, d bob")

	dst := start(t, comettest.Options{Workspaces: []string{"team"}, Keys: users})
	report := filepath.Join(t.TempDir(), "report")
	runImport(dst, stream, "--dry-run", "--owner", file).want(t, cli.ExitOK).says(t, "also: owner of 3 projects, ")
	for range 2 {
		r := runImport(dst, stream, "--verify", "--report", report, "--owner", file).want(t, cli.ExitIncomplete).
			says(t, `project "team/b": owner "nobody": missing: `, `project "team/d": owner: noted: --owner has no user for "frank", its owner at the source`)
		same(t, "owners", strings.Join(owners(dst), ", "), strings.Join(want, ", "))
		if n := strings.Count(r.stderr, "missing: "); n != 1 {
			t.Errorf("%d are missing: %s", n, r.stderr)
		}
	}
	runImport(dst, stream, "--verify-only", "--owner", file).want(t, cli.ExitDiffers)
	runImport(dst, stream, "--verify-only").want(t, cli.ExitOK)

	// Another owner than whoever imported stays, unless the stream is to win.
	other := list("carol gina\n")
	runImport(dst, stream, "--owner", other).want(t, cli.ExitIncomplete).
		says(t, `project "team/a": owner "gina": differs: the destination has "carol.smith"`)
	same(t, "owners", strings.Join(owners(dst), ", "), strings.Join(want, ", "))
	runImport(dst, stream, "--update", "--owner", other, "--report", report).want(t, cli.ExitOK).says(t, "also: owner of 1 project")
	same(t, "owner after --update", owners(dst)[0], "a gina")
	lines, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(lines), `"items":["owner"]`) || !strings.Contains(string(lines), `\"gina\", as --owner maps \"carol\" of the source`) {
		t.Errorf("the report does not tell of the owner: %s", lines)
	}

	// A destination without the call, or a key that may not make it.
	old := start(t, comettest.Options{Workspaces: []string{"team"}, Keys: users, Moods: comettest.Moods{Version: "4.34.9"}})
	member := start(t, comettest.Options{Workspaces: []string{"team"}, Keys: users})
	member.flags = reach(t, member.ClientlibURL(), users[2].Key)
	for _, in := range []*instance{old, member} {
		for range 2 {
			runImport(in, stream, "--owner", list("carol carol.smith\n")).want(t, cli.ExitIncomplete).
				says(t, `project "team/a": owner "carol.smith": missing: `)
		}
		if got := owners(in)[0]; got == "a carol.smith" {
			t.Error("the owner has been set all the same")
		}
	}

	for text, says := range map[string]string{"carol": "line 1", "a b\na c\n": `line 2: "b" and "c" both map to user "a"`} {
		runImport(dst, stream, "--owner", list(text)).want(t, cli.ExitUsage).says(t, says)
	}
	runImport(dst, stream, "--owner", filepath.Join(t.TempDir(), "none")).want(t, cli.ExitUsage)
}
