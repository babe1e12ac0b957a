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

// TestDocumentsNameWhatExists finds the targets of make and the flags that the
// pages name: each is in the Makefile, or a flag of one of the tools, or of a
// program that a page shows beside them.
func TestDocumentsNameWhatExists(t *testing.T) {
	const root = "../.."
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	usages := "--expected-size --s3-chunk-size --parallel " // aws, rclone, cometx
	for _, usage := range Usages() {
		usages += usage
	}
	pages := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(docs) < 7 {
		t.Fatalf("%d pages in docs, %v", len(docs), err)
	}
	for _, page := range append(pages, docs...) {
		if filepath.Base(page) == "mistakes.md" {
			continue // of which some flags are mistakes
		}
		if !strings.HasPrefix(page, root) {
			page = filepath.Join(root, page)
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range makeTarget.FindAllSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + string(m[1]) + `:`).Match(makefile) {
				t.Errorf("%s: there is no make %s", page, m[1])
			}
		}
		for _, m := range longFlag.FindAllSubmatch(text, -1) {
			if !regexp.MustCompile(string(m[1]) + `[^a-z-]`).MatchString(usages) {
				t.Errorf("%s: no tool has %s", page, m[1])
			}
		}
	}
}

var (
	makeTarget = regexp.MustCompile("(?:`|    )make ([a-z][a-z-]*)")
	longFlag   = regexp.MustCompile("[` ](--[a-z][a-z-]+)")
)

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
