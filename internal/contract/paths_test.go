package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// unanswered are the paths that a client names and the server does not know.
var unanswered = map[string]string{
	"anonymous-user":                         "accounts without a key are not given",
	"anonymous/is-active":                    "accounts without a key are not given",
	"ws/logger-ws":                           "the SDK is told to send its messages over HTTP",
	"write/experiment/upload-asset-start":    "of a class that nothing uses",
	"write/experiment/upload-asset-complete": "of a class that nothing uses",
	"admin/chargeback/report":                "cometx: reports on an instance for its administrators",
	"admin/service-accounts":                 "cometx: reports on an instance for its administrators",
	"mpm/v3/workspaces":                      "cometx: the monitoring of models in production",
	"opik/api":                               "cometx: another product",
}

// Every path that a client's source names is known to the server, or on a list.
func TestPaths(t *testing.T) {
	eachClient(t, func(t *testing.T, c client) {
		named := c.paths(t, "comet_ml", "")
		if len(named) < 90 {
			t.Errorf("only %d paths were found: has the source another form?", len(named))
		}
		t.Logf("%d paths", len(named))
		for _, path := range unknown(t, named) {
			t.Errorf("the SDK names the path %s, which the server does not know: implement it, or put it on the list with a reason", path)
		}
	})
}

// madeElsewhere are the routes that no source names as a whole, and who calls them.
var madeElsewhere = map[string]string{
	"api/asset/download":      "the links in lists of assets",
	"api/image/download":      "the links of images",
	"notification/experiment": "comet_ml, connection_url_helpers.py: after the address of the server",
	"optimizer/algorithms":    "comet_ml, connection_api.py: after the address of the optimizer, as those below",
	"optimizer/insert":        "comet_ml",
	"optimizer/next":          "comet_ml",
	"optimizer/status":        "comet_ml",
	"optimizer/update":        "comet_ml",
}

// Every route of the server is named by the source of a client, an official one or
// ours, or is on a list.
func TestRoutes(t *testing.T) {
	named := ownPaths(t)
	for _, c := range clients(t) {
		named = append(named, c.paths(t, "comet_ml", "")...)
	}
	named = append(named, withCometx(t).paths(t, "cometx", "")...)
	uncalled := func(r comettest.Route) bool {
		return madeElsewhere[strings.TrimPrefix(strings.TrimPrefix(r.Path, "/"), "clientlib/")] == "" &&
			!slices.ContainsFunc(named, func(path string) bool { return ends(r.Path, path) || ends(r.Path, "rest/v2/"+path) })
	}
	routes := start(t, comettest.Options{}).Routes()
	for _, r := range routes {
		if uncalled(r) {
			t.Errorf("no client calls %s %s: remove it, or put it on the list with a reason", r.Method, r.Path)
		}
	}
	if !uncalled(comettest.Route{Method: "POST", Path: "/api/rest/v2/write/experiment/praise"}) {
		t.Error("a route that no client knows is taken for called")
	}
}

// ownPaths are the texts in the source of our client that may be paths.
func ownPaths(t *testing.T) (paths []string) {
	t.Helper()
	files, err := filepath.Glob("../comet/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source of the client", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(text, "/") {
					paths = append(paths, text)
				}
			}
			return true
		})
	}
	return paths
}

// A client that names another path is noticed.
func TestNewPaths(t *testing.T) {
	eachClient(t, func(t *testing.T, c client) {
		dir := t.TempDir()
		source := `
class Client:
    """documentation/of/things"""
    def f(self, x):
        self.get_from_endpoint("tags-of-all", {})
        self.post_from_endpoint(f"write/experiment/{x}/praise", {})
        self.get_from_endpoint("write/registry-model/item/%s/metadata" % x, {})
        return url_join(self.server, "thanks"), "asset/thanks"
`
		if err := os.WriteFile(filepath.Join(dir, "newclient.py"), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		want := []string{"asset/thanks", "tags-of-all", "thanks", "write/experiment/{}/praise"}
		if diff := cmp.Diff(want, unknown(t, c.paths(t, "newclient", dir))); diff != "" {
			t.Errorf("unknown paths (-want +got):\n%s", diff)
		}
	})
}

// paths are those that the source of a package names, which is in a directory or
// installed.
func (c client) paths(t *testing.T, pkg, dir string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.python, "scripts/paths.py", pkg)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("paths.py: %v", err)
	}
	return strings.Fields(string(out))
}

// unknown are those of the paths that the server does not know, and that are not on
// the list.
func unknown(t *testing.T, paths []string) []string {
	t.Helper()
	routes := start(t, comettest.Options{}).Routes()
	return slices.DeleteFunc(paths, func(path string) bool {
		return unanswered[path] != "" || slices.ContainsFunc(routes, func(r comettest.Route) bool { return ends(r.Path, path) })
	})
}

// ends reports whether a path of the source, with {} for what is put in, is a route
// below the base of its family.
func ends(route, path string) bool {
	for _, base := range []string{"/api/rest/v2/", "/clientlib/", "/api/auth/", "/optimizer/", "/"} {
		if rest, ok := strings.CutPrefix(route, base); ok && sameSegments(rest, path) {
			return true
		}
	}
	return false
}

// sameSegments compares two paths segment by segment; one in braces is any.
func sameSegments(a, b string) bool {
	return slices.EqualFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(x, y string) bool {
		return x == y || strings.HasPrefix(x, "{") || strings.HasPrefix(y, "{")
	})
}
