package contract

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/clients.md anew")

const tableFile = "../../docs/clients.md"

// tools is the version of the tools that is being tested: the first heading of the
// changelog.
func tools(t *testing.T) string {
	t.Helper()
	log, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`(?m)^## \[?([^]\n]+)`).FindSubmatch(log)
	if heading == nil {
		t.Fatal("CHANGELOG.md has no version")
	}
	return strings.ToLower(string(heading[1]))
}

// inTable notes in docs/clients.md that a client has been run, or fails the test if
// that is not there.
func inTable(t *testing.T, name, version string) {
	t.Helper()
	row := fmt.Sprintf("| %s | %s | %s |\n", name, version, tools(t))
	doc, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(doc), row) {
		return
	}
	if !*update {
		t.Errorf("docs/clients.md does not say that %s %s was run: go test ./internal/contract -update", name, version)
		return
	}
	const end = "<!-- end of the table -->"
	text := strings.Replace(string(doc), end, row+end, 1)
	if err := os.WriteFile(tableFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
