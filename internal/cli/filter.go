package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/filter"
	"github.com/comet-stream/comet-stream/internal/join"
	"github.com/comet-stream/comet-stream/internal/jsonform"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/internal/table"
	"github.com/comet-stream/comet-stream/stream"
)

// filterCommand is one run of comet-filter.
type filterCommand struct {
	*command
	opts filter.Options

	in, fromDir, out                string
	extract                         string // a folder, or - for one asset
	chosen                          selectionFlags
	renames                         []string
	list, json, sum, check, salvage bool
	join, fromJSON, points, values  bool
	format                          string // of a table

	counters progress.Counters
	reporter *progress.Reporter
}

// Filter is the command comet-filter: it passes a stream on, less what it is
// told to drop, or tells what is in it.
func Filter(ctx context.Context, stdio IO, args []string) error {
	c := &filterCommand{command: newCommand("comet-filter", filterUsage, stdio)}
	c.addFlags()
	args, err := c.parse(args)
	if err != nil {
		return err
	}
	if c.join {
		return c.runJoin(ctx, args)
	}
	if err := errors.Join(c.parseRules(args), c.checkModes()); err != nil {
		return err
	}
	in, err := c.openInputOrFolder(ctx, c.in, "--from-dir", c.fromDir)
	if err != nil {
		return err
	}
	defer in.Close()
	output, err := c.openFilterOutput()
	if err != nil {
		return err
	}
	defer output.Close()
	c.reporter = c.startReport(&c.counters)
	defer c.reporter.Close()
	for _, text := range in.warnings {
		c.reporter.Warn("%s", text)
	}
	return c.run(ctx, in, output)
}

// openFilterOutput prepares the output of stream or lines. Lines are for terminals
// too.
func (c *filterCommand) openFilterOutput() (*output, error) {
	switch {
	case c.extract == "-":
		return c.openOutput("-")
	case c.mode().lines:
		return c.stdoutOutput(), nil
	}
	return c.openOutput(c.out)
}

func (c *filterCommand) addFlags() {
	r := &c.opts.Rules
	c.TextVar(&c.in, "i")
	c.TextVar(&c.fromDir, "from-dir")
	c.noEnv["from-dir"] = true
	c.TextVar(&c.out, "o")
	c.TextVar(&c.extract, "extract")
	c.noEnv["extract"] = true
	c.addSelectionFlags(&c.chosen, &r.Selection)
	c.ListVar(&c.renames, "rename")
	c.ModeVar(&c.list, "l", "list")
	c.ModeVar(&c.json, "json")
	c.ModeVar(&c.sum, "sum")
	c.ModeVar(&c.check, "check")
	c.ModeVar(&c.salvage, "salvage")
	c.ModeVar(&c.points, "points")
	c.ModeVar(&c.values, "values")
	c.EnumVar(&c.format, "format", string(table.CSV), string(table.TSV), string(table.JSONL))
	c.noEnv["format"] = true
	c.ModeVar(&c.join, "join")
	c.ModeVar(&c.fromJSON, "from-json")
}

// parseRules makes the rules of flags and arguments.
func (c *filterCommand) parseRules(args []string) error {
	files := c.chosen.files()
	if c.fromDir == "" {
		files["-i"] = cmp.Or(c.in, "-")
	}
	if err := c.oneStdin(files); err != nil {
		return err
	}
	r := &c.opts.Rules
	for _, rule := range c.renames {
		if err := r.Renames.Add(rule); err != nil {
			return c.usagef("--rename %q: %w", rule, err)
		}
	}
	chosen, err := c.chosen.parse(c.command, &r.Selection, args, fileArgument(args)...)
	r.Without = chosen.Others()
	return err
}

// A mode is what comet-filter does in place of passing a stream on.
type mode struct {
	flag  string
	on    bool
	lines bool // it writes lines or files, and no stream
	whole bool // it reads the whole stream, without rules
	run   func(ctx context.Context, in *input, out io.Writer) error
}

// modes returns those that were asked for.
func (c *filterCommand) modes() []mode {
	of := func(f func(context.Context, io.Writer, io.Reader, filter.Options) error) func(context.Context, *input, io.Writer) error {
		return func(ctx context.Context, in *input, out io.Writer) error { return f(ctx, out, in, c.opts) }
	}
	tableOf := func(kind table.Kind) func(context.Context, *input, io.Writer) error {
		return func(ctx context.Context, in *input, out io.Writer) error {
			return filter.Table(ctx, out, in, kind, cmp.Or(table.Format(c.format), table.CSV), c.opts)
		}
	}
	all := []mode{
		{flag: "--list", on: c.list, lines: true, run: of(filter.List)},
		{flag: "--json", on: c.json && !c.list, lines: true, run: of(filter.JSON)},
		{flag: "--sum", on: c.sum, lines: true, run: of(filter.Sum)},
		{flag: "--check", on: c.check, lines: true, whole: true, run: of(filter.Check)},
		{flag: "--salvage", on: c.salvage, whole: true, run: c.runSalvage},
		{flag: "--extract", on: c.extract != "", lines: true, run: c.extractFrom},
		{flag: "--points", on: c.points, lines: true, run: tableOf(table.Points)},
		{flag: "--values", on: c.values, lines: true, run: tableOf(table.Values)},
		{flag: "--join", on: c.join}, // see runJoin
		{flag: "--from-json", on: c.fromJSON, whole: true, run: of(filter.FromJSON)},
	}
	return slices.DeleteFunc(all, func(m mode) bool { return !m.on })
}

// mode returns the one that was asked for.
func (c *filterCommand) mode() mode {
	for _, m := range c.modes() {
		return m
	}
	return mode{run: func(ctx context.Context, in *input, out io.Writer) error { return filter.Copy(ctx, out, in, c.opts) }}
}

// checkModes finds what does not go together.
func (c *filterCommand) checkModes() error {
	m := c.mode()
	switch {
	case len(c.modes()) > 1:
		var flags []string
		for _, m := range c.modes() {
			flags = append(flags, m.flag)
		}
		return c.usagef("%s exclude each other", strings.Join(flags, " and "))
	case m.lines && c.out != "":
		return c.usageError(fmt.Errorf("-o is the file of a stream, and %s writes none", m.flag), "redirect standard output instead")
	case c.format != "" && !c.points && !c.values:
		return c.usagef("--format is for --points and --values")
	case (c.salvage || c.fromJSON) && c.fromDir != "":
		return c.usagef("%s and --from-dir exclude each other", m.flag)
	case m.whole && !c.opts.Rules.Empty():
		return c.usageError(fmt.Errorf("%s reads the whole stream: it takes no RESOURCE and no flag that selects or renames", m.flag),
			"filter first, with another comet-filter in the pipe")
	}
	return nil
}

func (c *filterCommand) run(ctx context.Context, in *input, out *output) error {
	boundMemory()
	c.opts.Tool = "comet-filter " + version()
	c.opts.Counters = &c.counters
	if !c.salvage { // that reads twice
		c.counters.Size.Store(in.size())
	}
	c.opts.ListJSON = c.json
	err := c.explain(in, c.filter(ctx, in, codedWriter{out}))
	if err == nil {
		err = in.incomplete()
	}
	return c.finish(out, err)
}

// finish ends a run that err has ended, and gives the output its name where it is
// whole.
func (c *filterCommand) finish(out *output, err error) error {
	c.reporter.Close()
	code := ExitCode(err)
	if c.mode().lines {
		return errors.Join(err, out.Commit())
	}
	// What a run that found something missing has written is whole all the same.
	if code == ExitOK || code == ExitIncomplete {
		c.counters.Bytes.Store(out.written) // until now, what was read
		c.reporter.Summary()
		return errors.Join(err, out.Commit())
	}
	if out.left() {
		return withCode(code, err, fmt.Sprintf("what was written before the error is in %s", out.Partial()))
	}
	return err
}

// codedWriter gives the errors of its writer their exit code, by which they are
// told from those of the input.
type codedWriter struct{ io.Writer }

func (w codedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	return n, withCode(ExitCode(err), err)
}

func (c *filterCommand) filter(ctx context.Context, in *input, out io.Writer) error {
	if err := c.survey(ctx, in); err != nil {
		return err
	}
	return c.mode().run(ctx, in, out)
}

func (c *filterCommand) runSalvage(ctx context.Context, in *input, out io.Writer) error {
	again, err := c.seekable(ctx, in)
	if err != nil {
		return err
	}
	return filter.Salvage(ctx, out, again, c.opts, c.reporter.Warn)
}

// survey reads the input ahead where experiments are chosen by what comes late in
// them.
func (c *filterCommand) survey(ctx context.Context, in *input) error {
	rules := &c.opts.Rules
	if len(rules.Where) == 0 {
		return nil
	}
	again, err := c.seekable(ctx, in)
	if err != nil {
		return err
	}
	start, err := again.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if rules.Holding, err = filter.Survey(ctx, again, &rules.Selection); err != nil {
		return err
	}
	_, err = again.Seek(start, io.SeekStart)
	in.Reader = again
	return err
}

// seekable returns the input as one that can be read twice: itself if it can,
// else a copy, which has no name any more and is gone with the process.
func (c *filterCommand) seekable(ctx context.Context, in *input) (io.ReadSeeker, error) {
	if rs, ok := in.Reader.(io.ReadSeeker); ok {
		if _, err := rs.Seek(0, io.SeekCurrent); err == nil {
			return rs, nil
		}
	}
	f, err := os.CreateTemp("", "comet-filter-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := filter.Spool(ctx, f, in); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err
}

// explain adds to an error the exit code it leads to, the name of the input
// where it is about that, and what the user can do.
func (c *filterCommand) explain(in *input, err error) error {
	if err == nil {
		return nil
	}
	if list := listOf(err); list != nil {
		return explainEach(list, func(err error) error { return c.explain(in, err) })
	}
	if e, ok := errors.AsType[*join.InputError](err); ok {
		return c.explain(&input{name: e.Input}, e.Err)
	}
	named := fmt.Errorf("%s: %w", in.name, err)
	if e, ok := errors.AsType[*selection.NothingError](err); ok {
		hint := "comet-filter --list lists the experiments, --json their tags as well"
		if e.OfAssets() {
			hint = "comet-filter --json assets lists the assets"
		}
		return withCode(ExitIncomplete, named, hint)
	}
	switch {
	case is[*join.ConflictError](err):
		return withCode(ExitUsage, err, "compare comet-filter --sum of both; comet-filter -x --key drops one of them")
	case is[*join.MissingError](err):
		return withCode(ExitIncomplete, err, "add its file, or export it with --shard")
	case is[*filter.MissingError](err):
		return withCode(ExitIncomplete, named)
	case is[*filter.LossError](err):
		return withCode(ExitIncomplete, named, "the output is a complete stream, in which the lost experiments are recorded as skipped")
	case is[*filter.MeetError](err):
		return withCode(ExitUsage, err, "comet-import --merge imports several projects into one")
	case is[*jsonform.LineError](err):
		return withCode(ExitInput, named, "stream/FORMAT.md, section 9, describes the lines")
	case errors.Is(err, stream.ErrAborted):
		return withCode(c.codeOfInput(err), named, "all before the abort is intact", abortHint)
	case is[*stream.Error](err):
		return withCode(ExitInput, named, c.inputHints(in, err)...)
	case is[exitCoder](err), errors.Is(err, context.Canceled):
		return err
	}
	return named
}

// codeOfInput is codeOfInput where a stream goes on through the pipe. Whoever reads
// about a stream wants to know whether it is good.
func (c *filterCommand) codeOfInput(err error) int {
	if c.mode().lines {
		return ExitInput
	}
	return codeOfInput(err)
}

// inputHints says what can be done about a bad input.
func (c *filterCommand) inputHints(in *input, err error) []string {
	switch hints := in.emptyHints(c.counters.Bytes.Load(), err); {
	case hints != nil:
		return hints
	case c.salvage || errors.Is(err, stream.ErrNotStream) || errors.Is(err, stream.ErrVersion):
		return nil
	case errors.Is(err, stream.ErrTruncated):
		return []string{"--salvage makes a complete stream of the experiments before the cut"}
	}
	return []string{"--salvage makes a complete stream of the undamaged experiments"}
}
