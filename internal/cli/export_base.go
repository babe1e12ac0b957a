package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/comet-stream/comet-stream/internal/base"
)

// readBase reads the archives that --changed-from names, in their order, "-" for
// standard input; nil if it names none.
func (c *exportCommand) readBase() (*base.Base, error) {
	if len(c.changedFrom) == 0 {
		if c.opts.Recheck > 0 {
			return nil, c.usageError(errors.New("--recheck without --changed-from"), "it reads again what an archive has; name that with --changed-from FILE")
		}
		return nil, nil
	}
	var archives []io.Reader
	for _, name := range c.changedFrom {
		if name == "-" {
			archives = append(archives, c.stdio.Stdin)
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, c.usageError(fmt.Errorf("--changed-from %w", err))
		}
		defer f.Close()
		archives = append(archives, f)
	}
	held, err := base.Read(io.MultiReader(archives...))
	if _, path := errors.AsType[*os.PathError](err); err != nil && !path {
		return nil, c.usageError(fmt.Errorf("--changed-from: %w", err), "it takes whole archives, as comet-export -o leaves them: run that export again to its end, or comet-filter --salvage")
	}
	return held, err
}
