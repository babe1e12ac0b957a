package cli

import (
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/manual"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

// testOptions are what testCommand declares.
type testOptions struct {
	out   string
	list  bool
	max   stream.Int64
	since time.Time
	keys  []string
	keep  string
}

// testCommand returns a command with an option of each kind, and what it writes.
func testCommand() (*command, *testOptions, *strings.Builder) {
	var out strings.Builder
	cmd := newCommand("comet-export", "Usage: comet-export …\n", IO{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
	o := &testOptions{keep: "leave"}
	cmd.addServerFlags(config.Export)
	cmd.TextVar(&o.out, "o")
	cmd.ModeVar(&o.list, "l", "list")
	cmd.SizeVar(&o.max, "max-asset-size")
	cmd.TimeVar(&o.since, new(string), "since")
	cmd.ListVar(&o.keys, "key")
	cmd.EnumVar(&o.keep, "elsewhere", "leave", "derive")
	return cmd, o, &out
}

func TestParseFlags(t *testing.T) {
	cmd, o, out := testCommand()
	rest, err := cmd.parse([]string{
		"-o", "f", "--list", "-max-asset-size=5GiB", "--rate", "15000/h", "--since", "2024-05-01T00:00:00Z",
		"--key", "a,b", "--key", "c", "--elsewhere", "derive", "-q", "--progress=none", "ws/p", "metrics", "-",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ws/p", "metrics", "-"}, rest); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	want := testOptions{"f", true, stream.NewInt64(5 << 30), time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), []string{"a,b", "c"}, "derive"}
	if diff := cmp.Diff(want, *o, cmp.AllowUnexported(testOptions{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if cmd.server.rate != 15000.0/3600 || cmd.server.concurrency != 16 {
		t.Errorf("server flags = %+v", cmd.server)
	}
	if cmd.verbosity != (verbosityFlags{progress: "none", quiet: true}) {
		t.Errorf("talk = %+v", cmd.verbosity)
	}
	if out.Len() > 0 {
		t.Errorf("printed %q", out)
	}
}

func TestParseEnvironment(t *testing.T) {
	t.Setenv("COMET_EXPORT_O", "from-env")
	t.Setenv("COMET_EXPORT_MAX_ASSET_SIZE", "1k")
	t.Setenv("COMET_EXPORT_RATE", "4/s")
	t.Setenv("COMET_EXPORT_LIST", "true")
	t.Setenv("COMET_EXPORT_VERSION", "true")
	t.Setenv("COMET_EXPORT_URL", "https://not.for.flags/")
	t.Setenv("COMET_IMPORT_ELSEWHERE", "derive")
	cmd, o, _ := testCommand()
	if _, err := cmd.parse([]string{"-max-asset-size", "2k", "ws"}); err != nil {
		t.Fatal(err)
	}
	want := testOptions{out: "from-env", max: stream.NewInt64(2048), keep: "leave"}
	if diff := cmp.Diff(want, *o, cmp.AllowUnexported(testOptions{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if cmd.server.rate != 4 {
		t.Errorf("rate = %v, want 4", cmd.server.rate)
	}
	if got := cmd.server.credentials; got != (config.Flags{}) {
		t.Errorf("credential flags = %+v, want none from the environment", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		env  [2]string
		want string
		hint string
	}{
		{"unknown flag", "--nope ws", [2]string{}, "flag provided but not defined: -nope", "comet-export -h lists"},
		{"misspelt flag", "--max-aset-size=1 ws", [2]string{}, "flag provided but not defined: -max-aset-size", "did you mean --max-asset-size?\n"},
		{"half a flag", "ws --asset-size=1", [2]string{}, "flag provided but not defined: -asset-size", "did you mean --max-asset-size?\n"},
		{"short flag", "--kep", [2]string{}, "flag provided but not defined: -kep", "did you mean --key?\n"},
		{"key as flag", "--api-key=SECRET ws", [2]string{}, "flag provided but not defined: -api-key", "COMET_EXPORT_API_KEY or --api-key-file"},
		{"missing value", "-o", [2]string{}, "flag needs an argument: -o", ""},
		{"bad size", "--max-asset-size=x ws", [2]string{}, `invalid value "x" for flag -max-asset-size: want a size`, ""},
		{"bad choice", "--elsewhere=go ws", [2]string{}, `invalid value "go" for flag -elsewhere: want one of leave, derive`, ""},
		{"unknown flag after argument", "ws --nope", [2]string{}, "flag provided but not defined: -nope", ""},
		{"missing value after argument", "ws -o", [2]string{}, "flag needs an argument: -o", ""},
		{"bad variable", "ws", [2]string{"COMET_EXPORT_RATE", "fast"}, `invalid value "fast" in COMET_EXPORT_RATE: want a rate`, ""},
		{"bad bool variable", "ws", [2]string{"COMET_EXPORT_Q", "si"}, `invalid value "si" in COMET_EXPORT_Q: parse error`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			cmd, _, out := testCommand()
			_, err := cmd.parse(strings.Fields(tt.args))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error = %v, want %q", err, tt.want)
			}
			if got := ExitCode(err); got != ExitUsage {
				t.Errorf("exit code = %d, want %d", got, ExitUsage)
			}
			if got := strings.Join(hintsOf(err), "\n"); !strings.Contains(got, tt.hint) {
				t.Errorf("hints = %q, want %q", got, tt.hint)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q; Main prints the error", out)
			}
		})
	}
}

// Flags stand before, between and after arguments, and after "--" nothing is one.
func TestParseOrder(t *testing.T) {
	for _, tt := range []struct {
		args, rest string
		out        string
		list       bool
		keys       []string
	}{
		{"-o f ws/p metrics", "ws/p metrics", "f", false, nil},
		{"ws/p -o f metrics", "ws/p metrics", "f", false, nil},
		{"ws/p metrics -o=f -l", "ws/p metrics", "f", true, nil},
		{"--key a ws/p --key b - --key=c", "ws/p -", "", false, []string{"a", "b", "c"}},
		{"-o f -- -ws/p -odd-name --list", "-ws/p -odd-name --list", "f", false, nil},
		{"ws/p -l -- --list", "ws/p --list", "", true, nil},
		{"ws/p --", "ws/p", "", false, nil},
		{"--", "", "", false, nil},
		{"-l", "", "", true, nil},
	} {
		cmd, o, _ := testCommand()
		rest, err := cmd.parse(strings.Fields(tt.args))
		if err != nil || strings.Join(rest, " ") != tt.rest {
			t.Errorf("%s: arguments %q, %v; want %s", tt.args, rest, err, tt.rest)
		}
		if o.out != tt.out || o.list != tt.list || !slices.Equal(o.keys, tt.keys) {
			t.Errorf("%s: options %+v", tt.args, o)
		}
	}
}

// What has no effect is told, and the rest left to Comet's SDK.
func TestStrayVariables(t *testing.T) {
	cmd, _, _ := testCommand()
	got := cmd.strayVariables([]string{
		"COMET_EXPORT_RATE=4/s", "COMET_EXPORT_API_KEY=x", "COMET_EXPORT_CA_FILE=x", "COMET_API_KEY=x", "COMET_CONFIG=x", "COMET_INI=x",
		"COMET_IMPORT_API_KEY=x", "COMET_IMPORT_NONSENSE=x", "COMET_FILTER_TAG=x", "HOME=x", "EXPORT_RAET=x", "NOVALUE",
		// Of the SDK.
		"COMET_WORKSPACE=x", "COMET_PROJECT_NAME=x", "COMET_EXPERIMENT_KEY=x", "COMET_WS_URL_OVERRIDE=x", "COMET_RUN_ID=x", "COMET_REST_API_KEY=x",
		"COMET_OPTIMIZER_URL=x", "COMET_LOGGING_FILE=x", "COMET_MODE=x", "COMET_URL_OVERRIDES=",
		// Of nobody.
		"COMET_EXPORT_RAET=4/s", "COMET_EXPORT_LIST=1", "COMET_EXPORT_L=1", "COMET_EXPORT_XYZ=1",
		"COMET_APIKEY=x", "COMET_URL=x", "COMET_EXPROT_API_KEY=x",
	})
	want := []string{
		"COMET_APIKEY has no effect: unknown variable; did you mean COMET_API_KEY?",
		"COMET_EXPORT_L has no effect: no variable sets -l",
		"COMET_EXPORT_LIST has no effect: no variable sets --list",
		"COMET_EXPORT_RAET has no effect: unknown variable; did you mean COMET_EXPORT_RATE?",
		"COMET_EXPORT_XYZ has no effect: unknown variable",
		"COMET_EXPROT_API_KEY has no effect: unknown variable; did you mean COMET_API_KEY or COMET_EXPORT_API_KEY?",
		"COMET_URL has no effect: unknown variable; did you mean COMET_EXPORT_URL or COMET_EXPORT_URL_OVERRIDE?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

func TestParseShows(t *testing.T) {
	defer func(v string) { Version = v }(Version)
	Version = "v1.2.3"
	for flags, want := range map[string]string{
		"-h":       "Usage: comet-export …\n",
		"--help":   "Usage: comet-export …\n",
		"-version": "comet-export v1.2.3\n",
	} {
		cmd, _, out := testCommand()
		_, err := cmd.parse([]string{flags})
		if !errors.Is(err, flag.ErrHelp) || ExitCode(err) != ExitOK {
			t.Errorf("parse(%s) = %v, want flag.ErrHelp", flags, err)
		}
		if out.String() != want {
			t.Errorf("parse(%s) printed %q, want %q", flags, out, want)
		}
	}
}

// A usage text has every flag there is, and no other, and says of each whether it
// takes a value. Manual pages and completions are made from it.
func TestUsageTexts(t *testing.T) {
	export := &exportCommand{command: newCommand("comet-export", exportUsage, IO{})}
	export.addFlags()
	filter := &filterCommand{command: newCommand("comet-filter", filterUsage, IO{})}
	filter.addFlags()
	imports := &importCommand{command: newCommand("comet-import", importUsage, IO{})}
	imports.addFlags()
	for _, c := range []*command{export.command, filter.command, imports.command} {
		for line := range strings.SplitSeq(c.usage, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: a line of %d columns: %s", c.name, len(line), line)
			}
		}
		page, err := manual.Parse(c.name, Usages()[c.name])
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"h": false, "help": false}
		c.VisitAll(func(f *flag.Flag) {
			mode, ok := f.Value.(interface{ IsBoolFlag() bool })
			want[f.Name] = !ok || !mode.IsBoolFlag()
		})
		got := make(map[string]bool)
		for _, e := range page.Flags() {
			for _, f := range e.Flags {
				got[f.Name] = e.Flags[0].Value != ""
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: flags, and whether they take a value (-want as declared, +got from the usage text):\n%s", c.name, diff)
		}
		if words := page.Resources(); c != imports.command && !slices.Equal(slices.Sorted(slices.Values(words)), slices.Sorted(slices.Values(stream.ResourceNames()))) {
			t.Errorf("%s: the usage text has the RESOURCEs %q, want %q", c.name, words, stream.ResourceNames())
		}
	}
}
