package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// fidelityFile holds the table, between the two marks.
const fidelityFile = "../../docs/fidelity.md"

// A side is what one of the two servers holds of the workspace that moved.
type side struct {
	w *comettest.WorkspaceState
	p *comettest.ProjectState    // the project that has everything
	e *comettest.ExperimentState // the experiment that has everything

	patch      string   // of e
	shareCodes []string // of p
}

// A row is one kind of data: what becomes of it is found out by comparing what
// get returns of the source with what it returns of the destination.
type row struct {
	section, data string
	// change says how the copy differs, and changed makes what it must be. It
	// counts only where the copy is not exact.
	change  string
	changed func(any) any
	// kept, if not nil, takes out of the data what is the same in a copy that is
	// not exact.
	kept func(any) any
	// missing names the call that is not there.
	missing string
	// get is nil where there is nothing to compare, because a server does not
	// show the data, not even to a test.
	get func(side) any
}

// fate is what becomes of a kind of data, from bad to good.
type fate int

const (
	fateLost fate = iota
	fateCannot
	fateChanged
	fateExact
)

// The texts of the table begin with these.
var fateTexts = map[fate]string{
	fateExact: "kept exactly", fateChanged: "kept with a change: ", fateCannot: "cannot be kept: ", fateLost: "lost",
}

// judge finds out what became of the data of a row. It fails the test for data
// that is lost, or that the source has none of.
func (r row) judge(t *testing.T, src, dst side) fate {
	switch {
	case r.get != nil:
	case r.change != "":
		return fateChanged
	default:
		return fateCannot
	}
	want, got := r.get(src), r.get(dst)
	if text, err := json.Marshal(want); err != nil || emptyJSON[string(text)] {
		t.Fatalf("the source has nothing to compare: %s %v", text, err)
	}
	switch {
	case cmp.Equal(want, got):
		return fateExact
	case r.changed != nil && cmp.Equal(r.changed(want), got), r.kept != nil && cmp.Equal(r.kept(want), r.kept(got)):
		return fateChanged
	case r.missing != "":
		return fateCannot
	}
	t.Errorf("lost (-source +destination):\n%s", head(cmp.Diff(want, got)))
	return fateLost
}

var emptyJSON = map[string]bool{"null": true, `""`: true, "[]": true, "{}": true, "0": true, "false": true}

func (r row) text(f fate) string {
	switch f {
	case fateChanged:
		return fateTexts[f] + r.change
	case fateCannot:
		return fateTexts[f] + r.missing
	}
	return fateTexts[f]
}

// Every kind of data that a server holds is moved, and what became of it is
// what docs/fidelity.md says, or better.
func TestFidelity(t *testing.T) {
	src := start(t, comettest.Options{Moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap}})
	dst := start(t, comettest.Options{
		Moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap}, Workspaces: []string{"team"},
		Keys: []comettest.Key{{Key: "thekeyofbob0000000000000", User: "bob"}},
	})
	seedFidelity(t, src)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	runImport(dst, stream).want(t, cli.ExitOK)

	from, to := fidelitySide(t, src), fidelitySide(t, dst)
	var lines []tableLine
	for _, r := range fidelityRows() {
		t.Run(r.data, func(t *testing.T) {
			f := r.judge(t, from, to)
			lines = append(lines, tableLine{r.section, r.data, r.text(f), f})
		})
	}
	if len(lines) == len(fidelityRows()) { // else -run has chosen some
		keepTable(t, lines)
	}
}

// fidelitySide looks at everything, also at what a server assigns.
func fidelitySide(t *testing.T, in *instance) side {
	t.Helper()
	state := in.State(comettest.StateOptions{Points: true, Texts: true})
	s := side{w: state.Workspace("team"), p: state.Project("team", "vision"), e: state.Experiment(fidelityKey)}
	if s.w == nil || s.p == nil || s.e == nil {
		t.Fatal("the workspace, its project or its experiment is missing")
	}
	s.patch = string(gitPatch(t, in, fidelityKey))
	s.shareCodes = shareCodes(t, in, s.p.ID)
	return s
}

// tableLine is a row with what became of it.
type tableLine struct {
	section, data, text string
	fate                fate
}

const (
	tableBegin = "<!-- This table is kept by go test ./internal/e2e -run Fidelity -update -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// keepTable compares the lines with the file. No line may be worse than there,
// also not under -update.
func keepTable(t *testing.T, lines []tableLine) {
	file, err := os.ReadFile(fidelityFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(file), tableBegin)
	old, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has not the marks of the table", fidelityFile)
	}
	table := renderTable(lines)
	t.Logf("\n%s", table)
	for _, problem := range worse(parseTable(old), lines) {
		t.Error(problem)
	}
	if t.Failed() || old == table {
		return
	}
	if !*update {
		t.Errorf("%s is not up to date; run this test with -update (-file +now):\n%s", fidelityFile, cmp.Diff(old, table))
		return
	}
	if err := os.WriteFile(fidelityFile, []byte(before+tableBegin+table+tableEnd+after), 0o666); err != nil {
		t.Fatal(err)
	}
}

func renderTable(lines []tableLine) string {
	var b strings.Builder
	section := ""
	for _, l := range lines {
		if l.section != section {
			section = l.section
			b.WriteString("\n### " + section + "\n\n| data | what becomes of it |\n|---|---|\n")
		}
		b.WriteString("| " + l.data + " | " + l.text + " |\n")
	}
	return b.String() + "\n"
}

// parseTable reads what renderTable has written: data to fate.
func parseTable(table string) map[string]fate {
	fates := make(map[string]fate)
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 2 || cells[0] == "| data" {
			continue
		}
		data := strings.TrimPrefix(cells[0], "| ")
		for f, text := range fateTexts {
			if strings.HasPrefix(cells[1], text) {
				fates[data] = f
			}
		}
	}
	return fates
}

// worse says which lines of a table are gone, or have got worse.
func worse(old map[string]fate, now []tableLine) (problems []string) {
	fates := make(map[string]fate)
	for _, l := range now {
		fates[l.data] = l.fate
	}
	for data, f := range old {
		switch got, there := fates[data]; {
		case !there:
			problems = append(problems, "the table has lost the line "+data)
		case got < f:
			problems = append(problems, data+" was "+strings.TrimSuffix(fateTexts[f], ": ")+" and has got worse")
		}
	}
	return problems
}

// A line of the table that gets worse, or goes, is found.
func TestFidelityWorse(t *testing.T) {
	lines := []tableLine{{"s", "a", fateTexts[fateExact], fateExact}, {"s", "b", fateTexts[fateCannot] + "no call", fateCannot}}
	old := parseTable(renderTable(lines))
	if diff := cmp.Diff(map[string]fate{"a": fateExact, "b": fateCannot}, old); diff != "" {
		t.Errorf("the table read back (-want +got):\n%s", diff)
	}
	if problems := worse(old, lines); len(problems) != 0 {
		t.Errorf("the same table is worse than itself: %q", problems)
	}
	better := []tableLine{lines[0], {"s", "b", fateTexts[fateExact], fateExact}}
	if problems := worse(old, better); len(problems) != 0 {
		t.Errorf("a better table is worse: %q", problems)
	}
	if problems := worse(old, []tableLine{{"s", "a", fateTexts[fateChanged] + "so", fateChanged}}); len(problems) != 2 {
		t.Errorf("one line worse, one gone: %q", problems)
	}
}
