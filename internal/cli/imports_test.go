package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/comet-stream/comet-stream"

// A rule says what the packages of a folder may import beside the standard
// library: folders of this module, and packages of others by their prefix.
type rule struct {
	own    []string
	others []string
	not    []string // packages of the standard library that it must not import
}

// rules are the import rules of the project. Imports point down: cmd, cli, then
// the engines, then comet and stream, which do not know each other; nor do the
// engines. A package that is not here has no right to exist.
var rules = map[string]rule{
	"cmd/comet-export": {own: []string{"internal/cli"}},
	"cmd/comet-filter": {own: []string{"internal/cli"}},
	"cmd/comet-import": {own: []string{"internal/cli"}},
	"internal/cli": {
		own: []string{
			"internal/base", "internal/config", "internal/exporter", "internal/exporter/find", "internal/filelock", "internal/filter", "internal/folder", "internal/importer", "internal/importer/place", "internal/listing", "internal/join", "internal/jsonform", "internal/pathname",
			"internal/progress", "internal/report", "internal/selection", "internal/suggest", "internal/table", "internal/text", "internal/comet", "internal/comet/transport", "internal/signoff", "stream",
		},
		others: []string{"github.com/peterbourgon/ff/v3", "golang.org/x/"},
	},
	"internal/config":    {own: []string{"internal/suggest", "internal/text"}, not: []string{"net", "net/http"}},
	"internal/text":      {others: []string{"golang.org/x/text/"}, not: []string{"net", "net/http", "os"}},
	"internal/progress":  {},
	"internal/filelock":  {not: []string{"net", "net/http"}},
	"internal/pathname":  {not: []string{"net", "net/http", "os"}},
	"internal/suggest":   {},
	"internal/base":      {own: []string{"stream"}, not: []string{"net", "net/http", "os"}},
	"internal/signoff":   {own: []string{"internal/report", "stream"}, not: []string{"net", "net/http", "os"}},
	"internal/listing":   {not: []string{"net", "net/http", "os"}},
	"internal/report":    {own: []string{"stream"}, not: []string{"os", "net", "net/http"}},
	"internal/thin":      {not: []string{"net", "net/http", "os"}},
	"internal/unpack":    {others: []string{"github.com/klauspost/compress/flate"}, not: []string{"net", "net/http", "os", "compress/flate"}},
	"internal/selection": {own: []string{"stream"}, not: []string{"os", "net", "net/http"}},
	"internal/exporter":  {own: []string{"internal/base", "internal/comet", "internal/comet/transport", "internal/comet/wire", "internal/listing", "internal/pathname", "internal/progress", "internal/report", "internal/selection", "internal/suggest", "internal/text", "stream"}, others: []string{"golang.org/x/"}},
	"internal/importer":  {own: []string{"internal/comet", "internal/comet/transport", "internal/comet/wire", "internal/pathname", "internal/progress", "internal/report", "internal/suggest", "internal/thin", "internal/unpack", "stream"}, others: []string{"golang.org/x/"}},

	// The packages of the importer, from the bottom up.
	"internal/importer/document": {own: []string{"internal/comet/wire", "stream"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/pointset": {own: []string{"internal/comet", "internal/thin", "stream"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/spool":    {others: []string{"golang.org/x/sync"}, not: []string{"net", "net/http"}},
	"internal/importer/flow":     {own: []string{"internal/report", "stream"}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/index":    {own: []string{"internal/importer/answer", "internal/importer/flow"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/answer":   {own: []string{"internal/comet"}, not: []string{"os"}},
	"internal/importer/halving":  {own: []string{"internal/comet", "internal/importer/answer"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/content":  {own: []string{"internal/comet", "internal/importer/answer", "internal/importer/spool", "internal/report"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/quota":    {own: []string{"internal/comet"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/reconcile": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/content", "internal/importer/flow", "internal/importer/spool", "internal/report",
	}, not: []string{"os", "net", "net/http"}},
	"internal/importer/rewrite": {own: []string{"internal/comet", "internal/importer/content", "internal/importer/spool", "internal/unpack"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/place": {own: []string{
		"internal/comet", "internal/importer/document", "internal/importer/reconcile", "internal/importer/rewrite", "internal/pathname", "internal/suggest", "stream",
	}, not: []string{"os", "net"}},
	"internal/importer/upload": {own: []string{
		"internal/comet", "internal/comet/transport", "internal/importer/answer", "internal/importer/content", "internal/importer/document", "internal/importer/flow",
		"internal/importer/quota", "internal/importer/reconcile", "internal/importer/spool", "internal/report", "stream",
	}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/session": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/document", "internal/importer/flow", "internal/importer/overview", "internal/importer/reconcile",
		"internal/progress", "internal/report", "stream",
	}, not: []string{"os", "net", "net/http"}},
	"internal/importer/values": {own: []string{
		"internal/comet", "internal/comet/wire", "internal/importer/answer", "internal/importer/document", "internal/importer/flow", "internal/importer/halving", "internal/importer/index",
		"internal/importer/place", "internal/importer/quota", "internal/importer/reconcile", "internal/importer/session", "internal/report", "stream",
	}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/texts": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/content", "internal/importer/document", "internal/importer/flow", "internal/importer/reconcile",
		"internal/importer/rewrite", "internal/importer/session", "internal/importer/spool", "internal/report", "stream",
	}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/origins": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/document", "internal/importer/flow", "internal/importer/reconcile", "internal/importer/session",
		"internal/report", "stream",
	}, not: []string{"os", "net", "net/http"}},
	"internal/importer/points": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/document", "internal/importer/flow", "internal/importer/halving", "internal/importer/pointset",
		"internal/importer/reconcile", "internal/importer/session", "internal/importer/spool", "internal/report", "internal/thin", "stream",
	}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/importer/assets": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/content", "internal/importer/document", "internal/importer/flow", "internal/importer/index", "internal/importer/place",
		"internal/importer/quota", "internal/importer/reconcile", "internal/importer/rewrite", "internal/importer/session", "internal/importer/spool",
		"internal/importer/upload", "internal/report", "stream",
	}, not: []string{"os", "net", "net/http"}},
	"internal/importer/overview": {own: []string{
		"internal/comet", "internal/importer/document", "internal/importer/flow", "internal/importer/place", "stream",
	}, not: []string{"os", "net", "net/http"}},
	"internal/importer/workspace": {own: []string{
		"internal/comet", "internal/importer/answer", "internal/importer/content", "internal/importer/document", "internal/importer/flow",
		"internal/importer/place", "internal/importer/quota", "internal/importer/reconcile", "internal/importer/rewrite", "internal/importer/spool",
		"internal/importer/upload", "internal/progress", "internal/report", "internal/unpack", "stream",
	}, not: []string{"os", "net", "net/http"}},

	"internal/filter":   {own: []string{"internal/table", "internal/jsonform", "internal/listing", "internal/pathname", "internal/progress", "internal/selection", "stream"}, others: []string{"golang.org/x/sync"}, not: []string{"os", "net", "net/http"}},
	"internal/folder":   {own: []string{"internal/comet/wire", "stream"}, others: []string{"golang.org/x/text/"}, not: []string{"net", "net/http"}},
	"internal/table":    {own: []string{"internal/progress", "stream"}, not: []string{"os", "net", "net/http"}},
	"internal/jsonform": {own: []string{"internal/progress", "stream"}, not: []string{"os", "net", "net/http"}},
	"internal/join":     {own: []string{"internal/filter", "internal/progress", "internal/selection", "stream"}, not: []string{"os", "net", "net/http"}},
	"internal/comet":    {own: []string{"internal/unpack"}},

	// The packages of the exporter.
	"internal/exporter/judge":  {own: []string{"internal/comet", "stream"}},
	"internal/exporter/packed": {own: []string{"stream"}, not: []string{"os", "net", "net/http"}},
	"internal/exporter/find": {
		own: []string{"internal/base", "internal/comet", "internal/exporter/judge", "internal/pathname", "internal/selection", "internal/suggest", "stream"}, not: []string{"os", "net", "net/http"},
		others: []string{"golang.org/x/sync"},
	},
	"internal/exporter/prefetch": {own: []string{"internal/comet", "internal/comet/transport", "internal/exporter/judge"}, not: []string{"os", "net"}},

	// The packages of the client, from the bottom up.
	"internal/comet/wire":      {not: []string{"os", "net", "net/http"}},
	"internal/comet/scan":      {own: []string{"internal/comet/wire"}, not: []string{"os", "net", "net/http"}},
	"internal/comet/transport": {own: []string{"internal/unpack"}, others: []string{"golang.org/x/", "github.com/klauspost/compress/gzip"}, not: slowGzip},
	"internal/comet/gate":      {own: []string{"internal/filelock"}, not: []string{"net", "net/http"}},
	"internal/comet/api": {
		own:    []string{"internal/comet/gate", "internal/comet/scan", "internal/comet/transport", "internal/comet/wire", "internal/unpack"},
		others: []string{"golang.org/x/time/rate", "github.com/klauspost/compress/gzip"},
		not:    slowGzip,
	},

	// A server that shares the client's types shares its mistakes.
	"internal/comettest/mood":    {},
	"internal/comettest/inject":  {others: []string{"golang.org/x/"}},
	"internal/comettest/derive":  {not: []string{"os", "net", "net/http"}},
	"internal/comettest/refusal": {not: []string{"os", "net"}},
	"internal/comettest/metric":  {own: []string{"internal/comettest/derive", "internal/comettest/mood", "internal/comettest/wire"}, not: []string{"os", "net", "net/http"}},
	"internal/comettest/store":   {own: []string{"internal/comettest/blob", "internal/comettest/derive", "internal/comettest/metric", "internal/comettest/mood", "internal/comettest/refusal"}, not: []string{"os", "net", "net/http"}},
	"internal/comettest/state":   {own: []string{"internal/comettest/metric", "internal/comettest/mood", "internal/comettest/store"}, not: []string{"os", "net", "net/http"}},
	"internal/comettest/seed":    {own: []string{"internal/comettest/blob", "internal/comettest/derive", "internal/comettest/metric", "internal/comettest/store"}, not: []string{"os", "net", "net/http"}},
	"internal/comettest/api": {
		own:    []string{"internal/comettest/blob", "internal/comettest/mood", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"},
		others: []string{"github.com/klauspost/compress/gzip"},
		not:    []string{"os", "net"},
	},
	"internal/comettest/artifacts":   {own: []string{"internal/comettest/api", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/assets":      {own: []string{"internal/comettest/api", "internal/comettest/artifacts", "internal/comettest/blob", "internal/comettest/derive", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/registry":    {own: []string{"internal/comettest/api", "internal/comettest/assets", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/projects":    {own: []string{"internal/comettest/api", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/logged":      {own: []string{"internal/comettest/api", "internal/comettest/metric", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/experiments": {own: []string{"internal/comettest/api", "internal/comettest/metric", "internal/comettest/projects", "internal/comettest/refusal", "internal/comettest/store", "internal/comettest/wire"}, not: []string{"os", "net"}},
	"internal/comettest/wire":        {own: []string{"internal/comettest/refusal"}, not: []string{"os", "net", "net/http"}},
	"internal/comettest/blob":        {own: []string{"internal/comettest/derive"}, not: []string{"net", "net/http"}},
	"internal/comettest":             {},
	"stream": {
		others: []string{"github.com/klauspost/compress/zstd", "github.com/vmihailenco/msgpack/v5", "golang.org/x/sync/semaphore"},
		not:    []string{"net", "net/http", "os"},
	},
	"stream/internal/pack":   {others: []string{"github.com/vmihailenco/msgpack/v5"}, not: []string{"net", "net/http", "os"}},
	"stream/internal/sniff":  {own: []string{"stream/internal/pack"}, not: []string{"net", "net/http", "os"}},
	"stream/internal/schema": {own: []string{"stream/internal/pack"}, not: []string{"net", "net/http", "os"}},
	// Programs and tests around the tools, which nothing imports.
	"internal/contract":        {own: []string{"internal/cli", "internal/comettest"}},
	"internal/e2e":             {own: []string{"internal/cli", "internal/comettest", "stream"}},
	"examples":                 {own: []string{"internal/comettest", "internal/comettest/inject", "stream"}},
	"internal/bombs":           {own: []string{"stream"}},
	"internal/torture":         {own: []string{"internal/bombs", "internal/cli", "internal/comettest", "stream"}},
	"internal/measure":         {},
	"internal/manual":          {not: []string{"os", "net", "net/http"}},
	"internal/manual/generate": {own: []string{"internal/cli", "internal/manual"}},
	"internal/bench":           {own: []string{"internal/bombs", "internal/cli", "internal/comet", "internal/comettest", "internal/comettest/inject", "stream"}, others: []string{"github.com/klauspost/compress/zstd", "golang.org/x/"}},
}

// slowGzip takes two to three times the processor of the library that all else is
// packed and unpacked with: it once took two fifths of an import of metric points.
var slowGzip = []string{"compress/gzip", "compress/flate"}

// ruleFor returns the rule of a folder: its own, or that of a folder above it.
func ruleFor(folder string) (rule, bool) {
	for ; folder != "."; folder = path.Dir(folder) {
		if r, ok := rules[folder]; ok {
			return r, true
		}
	}
	return rule{}, false
}

// breaks returns what is wrong with an import by a package that has r.
func (r rule) breaks(folder, imported string) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		// The packages below a folder belong to it.
		inside := strings.HasPrefix(own, folder+"/")
		if !inside && !slices.Contains(r.own, own) {
			return "it may import of this module: " + strings.Join(r.own, " ")
		}
		return ""
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		if slices.Contains(r.not, imported) {
			return "it is to do its work without that"
		}
		return ""
	}
	if !slices.ContainsFunc(r.others, func(prefix string) bool { return strings.HasPrefix(imported, prefix) }) {
		return "it may import of other modules: " + strings.Join(r.others, " ")
	}
	return ""
}

func TestImportRules(t *testing.T) {
	packages := listPackages(t)
	if !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == module+"/internal/cli" }) {
		t.Fatalf("go list does not list this package, but %v", packages)
	}
	for _, p := range packages {
		folder, ok := strings.CutPrefix(p.ImportPath, module+"/")
		if !ok {
			continue
		}
		r, ok := ruleFor(folder)
		if !ok {
			t.Errorf("%s: no rule says what it may import; see rules in this file", folder)
		}
		switch p.Name {
		case "util", "utils", "common", "types", "models", "helpers", "misc":
			t.Errorf("%s: the name %q says nothing", folder, p.Name)
		}
		for _, imported := range p.Imports {
			if why := r.breaks(folder, imported); why != "" {
				t.Errorf("%s imports %s: %s", folder, imported, why)
			}
		}
	}
}

func TestImportRulesBreak(t *testing.T) {
	for _, tt := range []struct {
		folder, imported string
		wrong            bool
	}{
		{"stream", "io", false},
		{"stream", "net/http", true},
		{"stream", module + "/internal/comet", true},
		{"stream", "github.com/klauspost/compress/zstd", false},
		{"stream", "golang.org/x/sync/errgroup", true},
		{"internal/comet", module + "/stream", true},
		{"internal/comettest", module + "/internal/comet", true},
		{"internal/comettest", module + "/stream", true},
		{"internal/exporter", module + "/internal/importer", true},
		{"internal/exporter", module + "/internal/cli", true},
		{"internal/exporter", module + "/stream", false},
		{"internal/filter", module + "/internal/comet", true},
		{"cmd/comet-export", module + "/internal/exporter", true},
		{"examples/sandbox", module + "/internal/comettest", false},
		{"examples/sandbox", module + "/internal/comet", true},
	} {
		r, ok := ruleFor(tt.folder)
		if !ok {
			t.Fatalf("no rule for %s", tt.folder)
		}
		if why := r.breaks(tt.folder, tt.imported); (why != "") != tt.wrong {
			t.Errorf("%s imports %s: %q, want it wrong: %v", tt.folder, tt.imported, why, tt.wrong)
		}
	}
	if _, ok := ruleFor("internal/util"); ok {
		t.Error("a package that no rule names has one")
	}
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Name string
	Imports          []string
}

// listPackages lists the packages of this module.
func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Name,Imports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
