// Generate writes the manual pages of the tools and their completions for bash,
// zsh and fish, laid out as below a prefix such as /usr/local:
//
//	go run ./internal/manual/generate -version v1.2.3 DIR
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/manual"
)

func main() {
	version := flag.String("version", "", "what the pages are of")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "generate: error: want one argument, the folder to write to")
		os.Exit(2)
	}
	if err := generate(flag.Arg(0), *version); err != nil {
		fmt.Fprintf(os.Stderr, "generate: error: %v\n", err)
		os.Exit(1)
	}
}

// generate writes all files below dir.
func generate(dir, version string) error {
	usages := cli.Usages()
	names := slices.Sorted(maps.Keys(usages))
	for name, text := range usages {
		page, err := manual.Parse(name, text)
		if err != nil {
			return err
		}
		for path, content := range map[string]string{
			"share/man/man1/" + name + ".1":                     page.Man(version, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })...),
			"share/bash-completion/completions/" + name:         page.Bash(),
			"share/zsh/site-functions/_" + name:                 page.Zsh(),
			"share/fish/vendor_completions.d/" + name + ".fish": page.Fish(),
		} {
			path = filepath.Join(dir, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
