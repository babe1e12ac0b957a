package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Every awkward value arrives as it was, is found again by a second import,
// and gives the same sums on both sides.
func TestAwkward(t *testing.T) {
	for _, family := range []struct {
		name  string
		cases []awkward
	}{
		{"points", pointCases()}, {"values", valueCases()}, {"texts", textCases()}, {"assets", assetCases()},
	} {
		t.Run(family.name, func(t *testing.T) {
			t.Parallel()
			testAwkward(t, family.cases)
		})
	}
}

// testAwkward moves all cases as experiments of one project and looks at each.
func testAwkward(t *testing.T, cases []awkward) {
	slices.SortFunc(cases, func(a, b awkward) int { return cmp.Compare(a.name, b.name) })
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	keys := make([]string, len(cases))
	for i, c := range cases {
		if c.spec.Key == "" {
			c.spec.Key = fmt.Sprintf("%032x", i+1)
		}
		if c.spec.Name == "" {
			c.spec.Name = "run" // servers make one up where there is none
		}
		if c.spec.Start == 0 {
			c.spec.Start, c.spec.End = epoch, epoch+1000
		}
		keys[i] = src.SeedExperiment("src", "awkward", c.spec)
	}
	exported := runExport(src, "src/awkward")
	filtered := runFilter(exported.stdout)
	imported := runImport(dst, filtered.stdout, "dst/moved")
	for _, r := range []result{exported, filtered, imported} {
		if r.code != cli.ExitOK {
			t.Errorf("%s: exit code %d\n%s", r.tool, r.code, head(r.stderr))
		}
	}
	want, got := src.State(portable), dst.State(portable)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sameExperiment(t, want.Experiment(keys[i]), got.Experiment(keys[i]))
			if c.spec.GitPatch != nil {
				samePatch(t, src, dst, keys[i])
			}
		})
	}
	t.Run("again", func(t *testing.T) { importAgain(t, dst, filtered.stdout, "dst/moved") })
	t.Run("verified", func(t *testing.T) { runImport(dst, filtered.stdout, "--verify-only", "dst/moved").want(t, cli.ExitOK) })
	t.Run("sums", func(t *testing.T) {
		sameSums(t, exported.stdout, runExport(dst, "dst/moved").want(t, cli.ExitOK).stdout)
	})
}

// importAgain imports a stream that has been imported: nothing is written, and
// the tool says so.
func importAgain(t *testing.T, dst *instance, stream []byte, args ...string) {
	t.Helper()
	before := whole(dst)
	dst.ResetStats()
	r := runImport(dst, stream, args...).want(t, cli.ExitOK).says(t, "nothing was written")
	if n := writes(dst); len(n) > 0 {
		t.Errorf("the second import writes: %v\n%s", n, head(r.stderr))
	}
	unchanged(t, "the destination", before, whole(dst))
}

// sameSums compares two streams by the canonical content of what is in them.
func sameSums(t *testing.T, want, got []byte) {
	t.Helper()
	if diff := diff(sums(t, want), sums(t, got)); diff != "" {
		t.Errorf("the sums differ (-first +second):\n%s", head(diff))
	}
}

func sums(t *testing.T, stream []byte) []string {
	t.Helper()
	return strings.Split(string(runFilter(stream, "--sum").want(t, cli.ExitOK).stdout), "\n")
}
