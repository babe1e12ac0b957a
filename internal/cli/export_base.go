package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/comet-stream/comet-stream/internal/base"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// readBase reads the archives that --changed-from names, in their order, "-" for
// standard input; nil if it names none.
func (c *exportCommand) readBase() (*base.Base, error) {
	if len(c.changedFrom) == 0 {
		if c.opts.Recheck > 0 {
			return nil, c.usageError(errors.New("--recheck without --changed-from"), "name the archive with --changed-from FILE")
		}
		return nil, nil
	}
	if out, err := os.Stat(c.out); err == nil {
		for _, name := range c.changedFrom {
			if in, err := os.Stat(name); err == nil && os.SameFile(in, out) {
				return nil, c.usageError(fmt.Errorf("-o %s is the archive that --changed-from names", c.out), "it would be overwritten, and what has not changed lost; write to another file")
			}
		}
	}
	held := base.New(stream.Scope{Resources: c.opts.Resources.Names(), Selection: c.opts.Selection.Flags()})
	for _, name := range c.changedFrom {
		if err := c.addBase(held, name); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// addBase adds the archive of a name to a base.
func (c *exportCommand) addBase(held *base.Base, name string) error {
	in, err := c.openInput(name)
	if err != nil {
		return c.usageError(fmt.Errorf("--changed-from: %w", err))
	}
	defer in.Close()
	partial, err := held.Add(in)
	if _, path := errors.AsType[*os.PathError](err); path {
		return withCode(ExitFailed, fmt.Errorf("--changed-from: %w", err))
	}
	if err != nil {
		return c.usageError(fmt.Errorf("--changed-from: %s: %w", in.name, err), "it needs a whole archive: run that export again to its end, or use comet-filter --salvage")
	}
	if partial > 0 {
		c.warnings = append(c.warnings, fmt.Sprintf("--changed-from: %s has only part of %s, exported again", in.name, progress.Count(int64(partial), "experiment")))
	}
	return nil
}
