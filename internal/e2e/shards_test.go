package e2e

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// seedShards fills a workspace with everything that is sharded by another name,
// and with enough experiments for all shards to have some.
func seedShards(in *instance) {
	seedTeam(in, 1000)
	for i := range 12 {
		in.SeedExperiment("team", "serve", comettest.ExperimentSpec{
			Key: fmt.Sprintf("%032d", i), Name: fmt.Sprint("run ", i), Start: epoch + int64(i), End: epoch + 10_000,
			Assets: []comettest.AssetSpec{{Name: "a.txt", Body: fmt.Append(nil, i)}},
		})
	}
}

// exportShards exports a workspace in n shards.
func exportShards(t *testing.T, src *instance, path string, n int) (shards [][]byte) {
	t.Helper()
	for k := range n {
		shards = append(shards, runExport(src, "--shard", fmt.Sprintf("%d/%d", k, n), path).want(t, cli.ExitOK).stdout)
	}
	return shards
}

// The shards of an export have together what one export has, each thing once;
// those that a filter makes of it are the same.
func TestShards(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	for _, path := range []string{"team", "team/serve", "team/train"} {
		stream := runExport(src, path).want(t, cli.ExitOK).stdout
		for _, n := range []int{1, 3, 8} {
			shards := exportShards(t, src, path, n)
			sameSums(t, stream, bytes.Join(shards, nil))
			for k, shard := range shards {
				sameSums(t, runFilter(stream, "--shard", fmt.Sprintf("%d/%d", k, n)).want(t, cli.ExitOK).stdout, shard)
			}
		}
	}
	// An experiment that comes meanwhile moves no other one.
	before := exportShards(t, src, "team/serve", 3)
	in := 0
	src.SeedExperiment("team", "serve", comettest.ExperimentSpec{Key: fmt.Sprintf("%032d", 99), Start: epoch, End: epoch + 1})
	for k, shard := range exportShards(t, src, "team/serve", 3) {
		if diff(sums(t, before[k]), sums(t, shard)) != "" {
			in++
		}
	}
	if in != 1 {
		t.Errorf("one more experiment changes %d shards", in)
	}
}

// A shard continues its own partial file, and asks for no key of another.
func TestShardsSelect(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, fmt.Appendf(nil, "%032d\n%032d\nabsent\n", 1, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := 0
	var shards [][]byte
	for k := range 4 {
		r := runExport(src, "--shard", fmt.Sprintf("%d/4", k), "--keys-from", keys, "team/serve")
		if r.code == cli.ExitIncomplete {
			missing++
			r.says(t, `experiment "absent"`)
		} else {
			r.want(t, cli.ExitOK)
		}
		shards = append(shards, r.stdout)
	}
	if missing != 1 {
		t.Errorf("%d shards miss the key that is absent", missing)
	}
	one := runExport(src, "--keys-from", keys, "team/serve").want(t, cli.ExitIncomplete).stdout
	sameSums(t, one, bytes.Join(shards, nil))
	for _, bad := range []string{"4/4", "-1/4", "1", "0/0", "x/4"} {
		runExport(src, "--shard", bad, "team/serve").want(t, cli.ExitUsage).says(t, "for flag -shard")
		runFilter(one, "--shard", bad).want(t, cli.ExitUsage).says(t, "for flag -shard")
	}
	runFilter(one, "-x", "--shard", "0/2").want(t, cli.ExitUsage).says(t, "-x without anything to leave out")
}

// listings counts the pages of experiments that a server was asked for.
func listings(in *instance) int { return in.Counts()["GET /api/rest/v2/experiments"] }

// keyList lists experiments into a file, changed as change says.
func keyList(t *testing.T, src *instance, change func(string) string, args ...string) string {
	t.Helper()
	list := runExport(src, append([]string{"-l"}, args...)...).want(t, cli.ExitOK).stdout
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte(change(string(list))), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func asListed(list string) string { return list }

// pathsOf returns the paths of a list.
func pathsOf(list string) string {
	var b strings.Builder
	for line := range strings.Lines(list) {
		path, _, _ := strings.Cut(line, "\t")
		b.WriteString(path + "\n")
	}
	return b.String()
}

// One listing is enough for all shards, in whatever form it was kept.
func TestShardsListed(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	want := map[string][]byte{}
	for _, path := range []string{"team/serve", "team/train"} {
		want[path] = runExport(src, path).want(t, cli.ExitOK).stdout
	}
	for name, form := range map[string]struct {
		change func(string) string
		flags  []string
	}{
		"lines": {asListed, nil}, "JSON": {asListed, []string{"--json"}}, "paths": {pathsOf, nil},
		"twice": {func(list string) string { return pathsOf(list) + list }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for path := range want {
				src.ResetStats()
				list := keyList(t, src, form.change, append(form.flags, path)...)
				listed := listings(src)
				var shards [][]byte
				for k := range 4 {
					shards = append(shards, runExport(src, "--keys-from", list, "--shard", fmt.Sprintf("%d/4", k), path).want(t, cli.ExitOK).stdout)
				}
				sameSums(t, want[path], bytes.Join(shards, nil))
				// A link to an experiment outside of the scope is looked for, once.
				if n := listings(src) - listed; n > listed {
					t.Errorf("%s: %d pages were listed, and %d more by the shards", path, listed, n)
				}
			}
		})
	}
	// With the homes of all links in scope, nothing is listed at all.
	both := keyList(t, src, func(list string) string {
		return list + string(runExport(src, "-l", "team/serve").want(t, cli.ExitOK).stdout)
	}, "team/train")
	src.ResetStats()
	shards := [][]byte{}
	for k := range 4 {
		shards = append(shards, runExport(src, "--keys-from", both, "--shard", fmt.Sprintf("%d/4", k), "team").want(t, cli.ExitOK).stdout)
	}
	if n := listings(src); n != 0 {
		t.Errorf("%d pages were listed in spite of the list", n)
	}
	// --key is a key without a place.
	sameSums(t, runExport(src, "--keys-from", both, "--key", makerKey, "team").want(t, cli.ExitOK).stdout, bytes.Join(shards, nil))
}

// What a list has that is no more so is named, and never left out in silence. What a
// list cannot tell is asked for.
func TestListedStale(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	list := keyList(t, src, asListed, "team/serve")
	moved, deleted := fmt.Sprintf("%032d", 3), fmt.Sprintf("%032d", 4)
	src.Delete(deleted)
	body := fmt.Sprintf(`{"targetWorkspaceName":"team","targetProjectName":"train","experimentKeys":[%q],"symlink":false}`, moved)
	req := httptest.NewRequest("POST", "/api/rest/v2/write/experiment/move", strings.NewReader(body))
	req.Header.Set("Authorization", src.key)
	req.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	if src.ServeHTTP(answer, req); answer.Code != 200 {
		t.Fatal(answer.Body)
	}
	for _, path := range []string{"team/serve", "team"} {
		r := runExport(src, "--keys-from", list, path).want(t, cli.ExitIncomplete)
		r.says(t, `"`+moved+`"`, `in "team/serve", and it is in "team/train" now`, `"`+deleted+`"`, "it is in the list of keys, and not at the source")
	}
	for _, flags := range [][]string{{"--archived", "exclude"}, {"--name", "run*"}, {"--since", "2020-01-01"}, {"--key", moved}} {
		src.ResetStats()
		runExport(src, append(flags, "--keys-from", list, "team")...).want(t, cli.ExitIncomplete).says(t, "not found", deleted)
		if listings(src) == 0 {
			t.Errorf("%v: nothing was listed", flags)
		}
	}
	// A list of another place still means the keys.
	elsewhere := keyList(t, src, func(list string) string { return strings.ReplaceAll(list, "team/serve", "lab/other") }, "team/serve")
	sameSums(t, runExport(src, "team/serve").want(t, cli.ExitOK).stdout, runExport(src, "--keys-from", elsewhere, "team/serve").want(t, cli.ExitOK).stdout)
}

// Shards imported one after another, and concurrently, leave what one import
// leaves. What refers to experiments of other shards may come before them: that
// is told, and done by the same command when they are there.
func TestShardsImport(t *testing.T) {
	src := start(t, comettest.Options{})
	seedShards(src)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	shards := exportShards(t, src, "team", 4)
	for name, sideBySide := range map[string]bool{"one after another": false, "side by side": true} {
		t.Run(name, func(t *testing.T) {
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			// Inputs come after artifacts, and those after the experiments that
			// made them.
			for n := 1; !importShards(t, dst, shards, sideBySide); n++ {
				if n == 3 {
					t.Fatal("the third import of all shards lacks something")
				}
			}
			before := whole(dst)
			for _, shard := range shards {
				runImport(dst, shard, "lab").want(t, cli.ExitOK).says(t, "nothing was written")
			}
			unchanged(t, "the destination", before, whole(dst))
			runImport(dst, stream, "--verify-only", "lab").want(t, cli.ExitOK)
			sameSums(t, stream, runExport(dst, "lab").want(t, cli.ExitOK).stdout)
			for _, p := range dst.State().Workspace("lab").Projects {
				if p.Name == "train" && (p.ShareCodes != 2 || p.Notes != "# Train\n") {
					t.Errorf("project %q has %d share links and the notes %q", p.Name, p.ShareCodes, p.Notes)
				}
			}
		})
	}
}

// importShards imports shards, of which some may lack what is in others. It
// reports whether none did.
func importShards(t *testing.T, dst *instance, shards [][]byte, sideBySide bool) bool {
	t.Helper()
	var wait sync.WaitGroup
	var lacking atomic.Bool
	for k, shard := range shards {
		wait.Go(func() {
			r := runImport(dst, shard, "lab")
			if r.code == cli.ExitIncomplete {
				lacking.Store(true)
			} else if r.code != cli.ExitOK {
				t.Errorf("shard %d: exit code %d\n%s", k, r.code, r.stderr)
			}
		})
		if !sideBySide {
			wait.Wait()
		}
	}
	wait.Wait()
	return !lacking.Load()
}
