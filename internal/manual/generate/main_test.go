package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/manual"
)

// What is installed has a page and three completions for each tool.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	want := []string{
		"share/bash-completion/completions/comet-export", "share/bash-completion/completions/comet-filter", "share/bash-completion/completions/comet-import",
		"share/fish/vendor_completions.d/comet-export.fish", "share/fish/vendor_completions.d/comet-filter.fish", "share/fish/vendor_completions.d/comet-import.fish",
		"share/man/man1/comet-export.1", "share/man/man1/comet-filter.1", "share/man/man1/comet-import.1",
		"share/zsh/site-functions/_comet-export", "share/zsh/site-functions/_comet-filter", "share/zsh/site-functions/_comet-import",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for name, usage := range cli.Usages() {
		checkComplete(t, dir, name, usage)
	}
}

// checkComplete finds each flag in each file of a tool.
func checkComplete(t *testing.T, dir, name, usage string) {
	t.Helper()
	page, err := manual.Parse(name, usage)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Flags()) < 10 {
		t.Errorf("%s has %d flags, fewer than it should", name, len(page.Flags()))
	}
	for path, flagIn := range map[string]func(string) string{
		"share/man/man1/" + name + ".1":             func(dashed string) string { return strings.ReplaceAll(dashed, "-", `\-`) },
		"share/bash-completion/completions/" + name: func(dashed string) string { return dashed },
		"share/zsh/site-functions/_" + name:         func(dashed string) string { return dashed },
		"share/fish/vendor_completions.d/" + name + ".fish": func(dashed string) string {
			if long, ok := strings.CutPrefix(dashed, "--"); ok {
				return " -l " + long
			}
			return " -s " + dashed[1:]
		},
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Flags() {
			for _, f := range e.Flags {
				if !strings.Contains(string(text), flagIn(f.Dashed())) {
					t.Errorf("%s does not have %s", path, f.Dashed())
				}
			}
		}
	}
}

// A reader of man pages has nothing to say against them but style.
func TestManLint(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is missing: man pages are not checked")
	}
	dir := t.TempDir()
	if err := generate(dir, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "share/man/man1/*.1"))
	if err != nil || len(pages) != 3 {
		t.Fatalf("pages %q, %v", pages, err)
	}
	for _, page := range pages {
		out, _ := exec.CommandContext(t.Context(), "mandoc", "-T", "lint", "-W", "warning", page).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// Of the date of a build, two builds of one version would differ.
			if !strings.Contains(line, "missing date") {
				t.Error(strings.TrimSpace(line))
			}
		}
	}
}
