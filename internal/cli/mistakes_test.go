package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

var updateMistakes = flag.Bool("update", false, "write docs/mistakes.md anew")

// mistakes are what people type, as a shell has it. The folder has an archive
// demo.comet.zst of the workspace demo, which is that of the source; the
// destination has the workspace lab.
var mistakes = []struct{ what, command string }{
	{"a flag is misspelt", "comet-export --dryrun demo"},
	{"the key is given as a flag", "comet-export --api-key s3cret demo"},
	{"no path", "comet-export -o demo.comet.zst"},
	{"the workspace is misspelt", "comet-export -l dmeo"},
	{"the project is misspelt", "comet-export -o out demo/visoin"},
	{"several experiments have the name", "comet-export -o out demo/vision/baseline"},
	{"a RESOURCE is misspelt", "comet-export -o out demo/vision metrcs"},
	{"the RESOURCE comes before the path", "comet-export -o out metrics demo/vision"},
	{"the address of a page of another server", "comet-export -o out https://www.comet.com/demo/vision"},
	{"there is no key", "env COMET_API_KEY= comet-export -l"},
	{"the key is wrong", "env COMET_API_KEY=wrong comet-export -l"},
	{"a key for one side, an address for both", "env COMET_EXPORT_API_KEY=mine comet-export -l"},
	{"a variable is misspelt", "env COMET_EXPORT_APIKEY=mine comet-export -l"},
	{"COMET_CONFIG names no file", "env COMET_API_KEY= COMET_CONFIG=nothere comet-export -l"},
	{"the path of the address is wrong", "comet-import --url $DESTINATION/api -i demo.comet.zst lab"},
	{"the address leads to a web page", "env COMET_URL_OVERRIDE=$WEB comet-export --retry-max-elapsed 0 -l"},
	{"https where the server speaks http", "env COMET_URL_OVERRIDE=$SECURE comet-export -l"},
	{"the file is an argument of the filter", "comet-filter --list demo.comet.zst"},
	{"the file is an argument of the import", "comet-import demo.comet.zst"},
	{"the project is an argument by itself", "comet-import -i demo.comet.zst lab vision"},
	{"an experiment as the destination", "comet-import -i demo.comet.zst lab/vision/baseline"},
	{"the command before the pipe wrote nothing", "true | comet-import lab"},
	{"the input is not a stream", "echo hello | comet-import lab"},
	{"the archive was cut off", "head -c 20000 demo.comet.zst | comet-import -q lab"},
	{"the export before the pipe has failed", "comet-export demo/visoin 2>/dev/null | comet-import lab"},
	{"the workspace is missing at the destination", "comet-import -i demo.comet.zst lba"},
	{"several projects into one", "comet-import -i demo.comet.zst lab/all"},
	{"no experiment has the tag", "comet-filter --tag fnial -i demo.comet.zst -o out"},
	{"a key is not in the archive", "comet-filter --key 0123456789abcdef0123456789abcdef -i demo.comet.zst -o out"},
	{"-x without anything to leave out", "comet-export -x -o out demo"},
	{"an invalid time", "comet-export --since yesterday -o out demo"},
	{"an invalid size", "comet-export --max-asset-size big -o out demo"},
	{"two flags read standard input", "comet-export --api-key-file - --keys-from - -o out demo"},
	{"-o with a mode that writes no stream", "comet-filter --list -o out -i demo.comet.zst"},
	{"the directory of -o is missing", "comet-export -o nowhere/out demo"},
}

// The table of mistakes in docs/mistakes.md is what the tools say. Each mistake is
// made, and has an exit code and a message that says what to do.
func TestMistakes(t *testing.T) {
	file, err := filepath.Abs(filepath.Join("..", "..", "docs", "mistakes.md"))
	if err != nil {
		t.Fatal(err)
	}
	isolate(t)
	src := comettest.Start(t, comettest.Options{})
	src.SeedDemo("demo")
	dst := comettest.Start(t, comettest.Options{})
	dst.SeedWorkspace("lab")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<!doctype html><title>The shop</title>")
	}))
	defer web.Close()
	dir := t.TempDir()
	names := strings.NewReplacer(
		strings.TrimSuffix(src.ClientlibURL(), "/clientlib/"), "https://source.example",
		strings.TrimSuffix(strings.Replace(src.ClientlibURL(), "http:", "https:", 1), "/clientlib/"), "https://source.example",
		strings.TrimSuffix(dst.ClientlibURL(), "/clientlib/"), "https://destination.example",
		strings.TrimPrefix(strings.TrimSuffix(src.ClientlibURL(), "/clientlib/"), "http://"), "source.example",
		web.URL, "https://web.example", os.Getenv("HOME"), "~", dir+"/", "", "|", "\\|",
		"$SECURE", "https://source.example", "$WEB", "https://web.example", "$DESTINATION", "https://destination.example",
	)
	offset := regexp.MustCompile(`at byte [0-9]+`) // the address of the source is in the header
	env := append(os.Environ(),
		"COMET_URL_OVERRIDE="+src.ClientlibURL(), "COMET_API_KEY="+comettest.DefaultAPIKey,
		"COMET_IMPORT_URL_OVERRIDE="+dst.ClientlibURL(), "COMET_IMPORT_API_KEY="+comettest.DefaultAPIKey,
		"SECURE="+strings.Replace(strings.TrimSuffix(src.ClientlibURL(), "/clientlib/"), "http:", "https:", 1), "DESTINATION="+strings.TrimSuffix(dst.ClientlibURL(), "/clientlib/"), "WEB="+web.URL)
	run := func(command string) (int, string) {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &stderr
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode(), stderr.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0, stderr.String()
	}
	if code, stderr := run("comet-export -q -o demo.comet.zst demo"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	var doc strings.Builder
	doc.WriteString(mistakesHead)
	for _, m := range mistakes {
		code, stderr := run(m.command)
		var said []string
		for _, line := range strings.Split(stderr, "\n") {
			for _, kind := range []string{": error: ", ": hint: ", ": warning: "} {
				if _, text, ok := strings.Cut(line, kind); ok && !strings.HasSuffix(text, "-h lists flags and arguments") {
					said = append(said, strings.Trim(kind, ": ")+": "+text)
				}
			}
		}
		if len(said) == 0 {
			t.Errorf("%s: exit code %d, and nothing is said:\n%s", m.what, code, stderr)
		}
		text := offset.ReplaceAllString(names.Replace(strings.Join(said, "<br>")), "at byte …")
		fmt.Fprintf(&doc, "| %s | `%s` | %d | %s |\n", m.what, names.Replace(m.command), code, text)
	}
	if *updateMistakes {
		if err := os.WriteFile(file, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), doc.String()); diff != "" {
		t.Errorf("docs/mistakes.md is not what the tools say (go test ./internal/cli -run Mistakes -update writes it):\n%s", diff)
	}
}

const mistakesHead = `# Common mistakes and their messages

A test makes each mistake and writes this table (` + "`go test ./internal/cli -run Mistakes -update`" + `). The source has the workspace demo, and demo.comet.zst is its export; the
destination has the workspace lab. [The README](../README.md#exit-codes) explains the exit codes.

| mistake | command | exit code | message |
|---|---|---|---|
`
