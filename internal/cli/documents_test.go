package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)

// TestDocumentLinks follows the links between the pages of the documentation, to
// the file and to the heading.
func TestDocumentLinks(t *testing.T) {
	const root = "../.."
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "stream/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	links := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))
			}
			links++
			checkLink(t, page, target, strings.TrimPrefix(m[2], "#"))
		}
	}
	if len(pages) < 8 || links < 20 {
		t.Errorf("%d pages with %d links, fewer than there are", len(pages), links)
	}
}

// checkLink looks for a file and, unless it is "", a heading by its anchor.
func checkLink(t *testing.T, page, target, anchor string) {
	t.Helper()
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s links to %s: %v", page, target, err)
		return
	}
	if anchor == "" {
		return
	}
	text, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range heading.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1) {
		if anchorOf(string(m[1])) == anchor {
			return
		}
	}
	t.Errorf("%s links to %s, which has no heading #%s", page, target, anchor)
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// anchorOf returns what a heading can be linked to by.
func anchorOf(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}
