package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// completions are what a shell offers for a command line of sample's tool.
var completions = []struct {
	line string
	want []string
}{
	{"tool --arch", []string{"--archived"}},
	{"tool -o x --exc", []string{"--exclude"}},
	{"tool --archived ", []string{"in", "out"}},
	{"tool --archived o", []string{"out"}},
	{"tool t", []string{"two"}},
	{"tool one t", []string{"two"}},
	{"tool -o some", []string{"some file"}},
	{"tool --temp-dir some", []string{"some folder"}},
	{"tool --key some", nil},
}

// shell runs a script, in a folder with a file and a folder to be found.
func shell(t *testing.T, script string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("%s is missing: its completion is not tried", args[0])
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "some file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "some folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], script)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "TERM=dumb")
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil || talk.Len() > 0 {
		t.Fatalf("%s: %v\n%s\n%s", args[0], err, talk.String(), script)
	}
	return string(out)
}

// checkOffers compares what a shell offers, a line each.
func checkOffers(t *testing.T, line, out string, want []string) {
	t.Helper()
	got := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
	slices.Sort(got)
	if slices.Equal(got, want) {
		return
	}
	// A file is no folder, but a shell may offer a folder where a file is asked for.
	if line == "tool -o some" && slices.Equal(got, []string{"some file", "some folder"}) {
		return
	}
	t.Errorf("%s: completion (-want +got):\n%s", line, cmp.Diff(want, got))
}

func TestBash(t *testing.T) {
	script := parse(t, sample).Bash()
	for _, c := range completions {
		words := strings.Split(c.line, " ")
		set := "COMP_WORDS=('" + strings.Join(words, "' '") + "'); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))"
		out := shell(t, script+set+"\n_tool\nprintf '%s\\n' \"${COMPREPLY[@]}\"", "bash", "--norc", "-c")
		checkOffers(t, c.line, out, c.want)
	}
	// The value after "=" is a word of its own.
	out := shell(t, script+"COMP_WORDS=(tool --archived = o); COMP_CWORD=3\n_tool\necho ${COMPREPLY[@]}", "bash", "--norc", "-c")
	if out != "out\n" {
		t.Errorf("completion of --archived=o is %q", out)
	}
}

func TestFish(t *testing.T) {
	script := parse(t, sample).Fish()
	for _, c := range completions {
		out := shell(t, script+"complete -C '"+c.line+"'", "fish", "--no-config", "-c")
		var offers strings.Builder
		for offer := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), "\t")
			offers.WriteString(strings.TrimSuffix(strings.ReplaceAll(word, `\ `, " "), "/") + "\n")
		}
		checkOffers(t, c.line, offers.String(), c.want)
	}
}

func TestZsh(t *testing.T) {
	const want = `#compdef tool
# Made from what its -h prints.

_arguments -S \
    '*--key=[this one]:KEY:' \
    '(--rename)--rename=[other names]:A/B=C/D:' \
    '(--archived)--archived=[the old ones (default in)]:in|out:(in out)' \
    '(-x --exclude)-x[all but these]' \
    '(-x --exclude)--exclude[all but these]' \
    '(-o)-o[a file]:FILE:_files' \
    '(--temp-dir)--temp-dir=[a place]:DIR:_files -/' \
    '*:RESOURCE:(one two both)'
`
	script := parse(t, sample).Zsh()
	if diff := cmp.Diff(want, script); diff != "" {
		t.Errorf("completion (-want +got):\n%s", diff)
	}
	shell(t, script, "zsh", "-f", "-n", "-c")
}
