package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/comet-stream/comet-stream/internal/join"
)

// runJoin makes one stream of the files that the arguments name.
func (c *filterCommand) runJoin(ctx context.Context, args []string) error {
	if err := c.checkJoin(args); err != nil {
		return err
	}
	inputs, closeAll, err := c.openInputs(ctx, args)
	defer closeAll()
	if err != nil {
		return err
	}
	out, err := c.openOutput(c.out)
	if err != nil {
		return err
	}
	defer out.Close()
	c.reporter = c.startReport(&c.counters)
	defer c.reporter.Close()
	boundMemory()
	o := join.Options{Tool: "comet-filter " + version(), Counters: &c.counters}
	return c.finish(out, c.explain(&input{name: "join"}, join.Join(ctx, codedWriter{out}, inputs, o)))
}

// checkJoin finds what does not go together with --join.
func (c *filterCommand) checkJoin(args []string) error {
	chosen := c.chosen.files()
	switch {
	case len(c.modes()) > 1:
		return c.checkModes()
	case len(args) == 0:
		return c.usageError(errors.New("--join without a file"), "name the files to join")
	case c.in != "" || c.fromDir != "":
		return c.usageError(errors.New("--join takes its files as arguments"), "leave out -i and --from-dir")
	case !c.opts.Rules.Empty() || len(c.renames)+len(c.chosen.keys)+len(c.chosen.names)+len(c.chosen.assetNames) > 0 ||
		chosen["--keys-from"]+chosen["--skip-keys-from"] != "" || c.chosen.exclude:
		return c.usageError(errors.New("--join reads whole streams: it takes no flag that selects or renames"), "filter its output, with another comet-filter in the pipe")
	}
	return nil
}

// openInputs opens files that are to be read twice: one that cannot be, such as a
// pipe, is copied first.
func (c *filterCommand) openInputs(ctx context.Context, names []string) (inputs []join.Input, closeAll func(), err error) {
	var opened []io.Closer
	closeAll = func() {
		for _, f := range opened {
			_ = f.Close() // they were only read
		}
	}
	for _, name := range names {
		in, err := c.openInput(name)
		if err != nil {
			return nil, closeAll, err
		}
		opened = append(opened, in)
		again, err := c.seekable(ctx, in)
		if err != nil {
			return nil, closeAll, fmt.Errorf("%s: %w", in.name, err)
		}
		f, ok := again.(*os.File)
		if !ok {
			return nil, closeAll, fmt.Errorf("%s: is not a file", in.name)
		}
		opened = append(opened, f)
		inputs = append(inputs, join.Input{Name: in.name, R: f})
	}
	return inputs, closeAll, nil
}
