package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/comet-stream/comet-stream/internal/text"
)

// readOwners reads the file of --owner.
func readOwners(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	owners, err := parseOwners(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return owners, nil
}

// parseOwners reads which users of the destination stand for those of the source:
// a pair a line, the user of the source first, with white space between them.
// Empty lines, and those that begin with #, say nothing.
func parseOwners(r io.Reader) (map[string]string, error) {
	owners := make(map[string]string)
	scanner := bufio.NewScanner(text.NewReader(r))
	scanner.Split(text.ScanLines)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		pair := strings.Fields(line)
		if len(pair) != 2 {
			return nil, fmt.Errorf("line %d: %q is not a user of the source and one of the destination", n, line)
		}
		if before := owners[pair[0]]; before != "" && before != pair[1] {
			return nil, fmt.Errorf("line %d: %q and %q both map to user %q", n, before, pair[1], pair[0])
		}
		owners[pair[0]] = pair[1]
	}
	return owners, scanner.Err()
}
