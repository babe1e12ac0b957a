package cli

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// readmeKey is the experiment key that the README shows.
const readmeKey = "2e83a1f09c6b4f0db1d3a27f6f3b9c55"

// readmeSetup says what a command of the README finds: commands that were run
// before it, and the exit code that the README's own words ask for.
var readmeSetup = []struct {
	command *regexp.Regexp
	before  string
	code    int
}{
	{regexp.MustCompile(`^COMET_API_KEY=`), `rm .comet.config`, 0},
	{regexp.MustCompile(`--verify-only`), `comet-export acme/vision | comet-import lab/vision`, 0},
	{regexp.MustCompile(`--salvage`), `comet-export -o damaged.comet.zst acme/vision && printf damaged | dd of=damaged.comet.zst bs=1 seek=900 conv=notrunc`, 3},
	{regexp.MustCompile(`--join`), `for k in 0 1; do comet-export --shard $k/2 -o acme.$k.comet.zst acme; done`, 0},
	{regexp.MustCompile(`acme\.comet\.zst`), `comet-export -o acme.comet.zst acme && comet-export acme | age -r x > s3.comet.zst.age`, 0},
	{regexp.MustCompile(`aws s3 cp s3:`), `comet-export acme | age -r x > s3.comet.zst.age`, 0},
	{regexp.MustCompile(`PROJECT\.comet\.zst`), `comet-export -o PROJECT.comet.zst acme/vision`, 0},
	{regexp.MustCompile(`WORKSPACE\.comet\.zst`), `comet-export -o WORKSPACE.comet.zst acme`, 0},
}

// TestREADME runs every command that the README shows, to the letter, in a
// shell. ssh, age and aws are small scripts that pass bytes on.
func TestREADME(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing: the commands of the README are not run")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := readmeCommands(string(text))
	if len(commands) < 25 {
		t.Fatalf("the README has %d commands, fewer than it should: %q", len(commands), commands)
	}
	source := readmeSource(t)
	for _, c := range commands {
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			runREADME(t, source, c)
		})
	}
}

var (
	shown   = regexp.MustCompile(`(?m)^    ((?:comet-|ssh |aws |COMET_).*)$`)
	inTable = regexp.MustCompile("(?m)\\| `(comet-[^`]*)` \\|$")
	inText  = regexp.MustCompile("`((?:COMET_[^`]* )?comet-export [^`]* comet-import [^`]*)`")
)

// readmeCommands returns the lines of code that begin with a command, the
// pipelines in the text, and the commands in the table of today's tools with real
// names put in.
func readmeCommands(text string) []string {
	var list []string
	for _, m := range shown.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.TrimSpace(m[1]))
	}
	for _, m := range inText.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	names := strings.NewReplacer("WORKSPACE2/PROJECT2", "lab/vision2", "WORKSPACE/PROJECT", "acme/vision",
		"WORKSPACE2", "lab", "WORKSPACE.comet", "WORKSPACE.comet", "WORKSPACE", "acme", "KEY-OR-NAME", readmeKey)
	for _, m := range inTable.FindAllStringSubmatch(text, -1) {
		list = append(list, names.Replace(m[1]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// readmeSource is the instance that the README's examples export from.
func readmeSource(t *testing.T) *comettest.Server {
	t.Helper()
	s := comettest.Start(t, comettest.Options{})
	s.SeedWorkspace("acme")
	for key, name := range map[string]string{readmeKey: "brave lark", strings.Repeat("b", 32): "calm owl"} {
		s.SeedExperiment("acme", "vision", comettest.ExperimentSpec{
			Key: key, Name: name, Tags: []string{"final"}, Start: 1767225600000, End: 1767225660000,
			Parameters: []comettest.Value{{Name: "lr", Value: "0.1", Time: 1767225600000}},
			Points:     []comettest.MetricPoint{{Metric: "loss", Value: "0.5", Time: 1767225601000}},
			Assets:     []comettest.AssetSpec{{Name: "model.bin", Type: "model-element", Model: "cnn", Body: []byte(strings.Repeat(key, 100))}},
		})
	}
	s.SeedRegistryModel("acme", comettest.RegistrySpec{Name: "cnn", Versions: []comettest.RegistryVersionSpec{
		{Version: "1.0.0", Experiment: readmeKey, Model: "cnn", Stages: []string{"prod"}},
	}})
	s.SeedArtifact("acme", comettest.ArtifactSpec{Name: "digits", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
		{Version: "1.0.0", Producer: readmeKey, Files: []comettest.AssetSpec{{Name: "train.csv", Body: []byte("1,2\n")}}},
	}})
	s.SeedProject("acme", "vision", comettest.ProjectSpec{Notes: "# notes"})
	return s
}

func runREADME(t *testing.T, source *comettest.Server, command string) {
	t.Helper()
	destination := comettest.Start(t, comettest.Options{})
	destination.SeedWorkspace("lab")
	destination.SeedWorkspace("acme")
	dir := t.TempDir()
	env := readmeEnv(t, dir, source, destination)
	sh := func(line string) (int, string) {
		var talk bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &talk
		out, err := cmd.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode(), string(out) + talk.String()
		} else if err != nil {
			t.Fatal(err)
		}
		return 0, string(out) + talk.String()
	}
	// What the README leaves out, or cannot know.
	command = strings.Replace(command, "COMET_API_KEY=…", "COMET_API_KEY='"+smartKey(source)+"'", 1)
	command = strings.ReplaceAll(command, "COMET_API_KEY=…", "COMET_API_KEY="+comettest.DefaultAPIKey)
	command = strings.ReplaceAll(command, "https://comet.example.com", destination.URL())
	want := 0
	for _, s := range readmeSetup {
		if s.command.MatchString(command) {
			if code, talk := sh(s.before); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", s.before, code, talk)
			}
			want = s.code
			break
		}
	}
	if code, talk := sh(command); code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, talk)
	}
}

// smartKey returns a key that holds the address of its server.
func smartKey(s *comettest.Server) string {
	return comettest.DefaultAPIKey + "*" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"baseUrl":%q}`, s.URL()))
}

// readmeEnv is the environment of the README: the credentials of both sides, and
// the tools on the path.
func readmeEnv(t *testing.T, dir string, source, destination *comettest.Server) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"comet-export", "comet-filter", "comet-import"} {
		if err := os.Symlink(self, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range map[string]string{
		"ssh": `shift; exec "$@"`,
		"age": `exec cat`,
		"aws": `if [ "$3" = - ]; then exec cat > s3.comet.zst.age; else exec cat s3.comet.zst.age; fi`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	config := "[comet_export]\napi_key = " + comettest.DefaultAPIKey + "\nurl_override = " + source.ClientlibURL() +
		"\n[comet_import]\napi_key = " + comettest.DefaultAPIKey + "\nurl_override = " + destination.ClientlibURL() + "\n"
	if err := os.WriteFile(filepath.Join(dir, ".comet.config"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
}
