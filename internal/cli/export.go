package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/time/rate"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/exporter"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// exportCommand is one run of comet-export.
type exportCommand struct {
	*command
	opts exporter.Options

	list, dryRun bool
	json         bool
	out          string
	level        int
	chosen       selectionFlags
	changedFrom  []string // files

	counters progress.Counters
	reporter *progress.Reporter
	source   *server
	watch    *exportWatch
}

// Export is the command comet-export: it reads experiments from a server and
// writes them to a stream.
func Export(ctx context.Context, stdio IO, args []string) error {
	c := &exportCommand{command: newCommand("comet-export", exportUsage, stdio)}
	c.addFlags()
	args, err := c.parse(args)
	if err != nil {
		return err
	}
	if err := c.parseArgs(args); err != nil {
		return err
	}
	var output *output
	var report *reportFile
	if !c.list && !c.dryRun {
		if output, err = c.openOutput(c.out); err != nil {
			return err
		}
		defer output.Close()
		if report, err = c.openReport(); err != nil {
			return err
		}
		defer report.close()
	}
	c.reporter = c.startReport(&c.counters)
	defer c.reporter.Close()
	c.watch = &exportWatch{counters: &c.counters, reporter: c.reporter, report: report}
	if c.source, err = c.openServer(c.reporter); err != nil {
		return err
	}
	defer c.source.Close()
	if _, err := c.source.introduce(ctx, "from"); err != nil {
		return err
	}
	c.opts.Client, c.watch.page = c.source.Client, c.source.ExperimentURL
	c.opts.InFlight = c.server.concurrency
	c.opts.Tool = "comet-export " + version()
	// Requests are counted where a rate is set: an asset takes one.
	c.opts.OneRequest = c.server.rate > 0 && c.server.rate != rate.Inf
	switch {
	case c.list:
		err = c.source.explain(c.runList(ctx))
	case c.dryRun:
		err = c.source.explain(c.runDry(ctx))
	default:
		err = c.runExport(ctx, output)
	}
	return c.explainPath(err)
}

// explainPath adds to an error of a path that is a RESOURCE name what is missing
// before it.
func (c *exportCommand) explainPath(err error) error {
	e, ok := errors.AsType[*find.NotFoundError](err)
	if !ok || e.In != "" || !slices.Contains(stream.ResourceNames(), e.Name) {
		return err
	}
	return withCode(ExitCode(err), err, fmt.Sprintf("%q is a RESOURCE, which goes after the path", e.Name))
}

func (c *exportCommand) addFlags() {
	c.addServerFlags(config.Export)
	c.IntVar(&c.server.concurrency, "j", c.server.concurrency, "")
	c.noEnv["j"] = true
	c.ModeVar(&c.list, "l", "list")
	c.ModeVar(&c.json, "json")
	c.ModeVar(&c.dryRun, "dry-run")
	c.TextVar(&c.out, "o")
	c.addReportFlag()
	c.IntVar(&c.level, "level", 3, "")
	c.addSelectionFlags(&c.chosen, &c.opts.Selection)
	c.ListVar(&c.changedFrom, "changed-from")
	c.Func("recheck", "", func(s string) (err error) { c.opts.Recheck, err = parsePercent(s); return err })
	c.BoolVar(&c.opts.WithExperiments, "with-experiments", false, "")
}

// parseArgs sorts the arguments into paths and RESOURCE names.
func (c *exportCommand) parseArgs(args []string) error {
	if len(args) == 0 && !c.list {
		return c.usageError(errors.New("no path"), "name what to export: WORKSPACE, WORKSPACE/PROJECT or WORKSPACE/PROJECT/EXPERIMENT")
	}
	switch {
	case c.list && c.dryRun:
		return c.usagef("--list and --dry-run exclude each other")
	case c.json && !c.list:
		return c.usageError(errors.New("--json goes with --list"), "comet-filter --json prints the contents of a stream")
	case c.list && len(args) > 1:
		return c.usagef("%q: too many arguments, -l takes one path", args[1])
	case (c.list || c.dryRun) && c.out != "":
		return c.usageError(errors.New("-o is the file of a stream, and --list and --dry-run write none"), "redirect standard output instead")
	}
	var resources []string
	for i, arg := range args {
		if i > 0 && !strings.Contains(arg, "/") && !isBareKey(arg) {
			resources = append(resources, arg)
			continue
		}
		path, err := c.pathOf(arg)
		if err != nil {
			return err
		}
		p, err := find.ParsePath(path)
		if err != nil {
			return c.usageError(err)
		}
		c.opts.Paths = append(c.opts.Paths, p)
	}
	if c.level < 1 || c.level > 22 {
		return c.usagef("--level %d: want 1 to 22", c.level)
	}
	return c.parseSelection(resources)
}

// isBareKey reports whether an argument can only be the key of an experiment: it has
// its form, and digits, which no RESOURCE has.
func isBareKey(arg string) bool { return find.IsKey(arg) && strings.ContainsAny(arg, "0123456789") }

// parseSelection reads what narrows down the experiments, and what of them is
// exported.
func (c *exportCommand) parseSelection(resources []string) error {
	files := c.chosen.files()
	for _, name := range c.changedFrom {
		if name == "-" {
			files["--changed-from"] = name
		}
	}
	if err := c.oneStdin(files); err != nil {
		return err
	}
	var err error
	if c.opts.Resources, err = c.chosen.parse(c.command, &c.opts.Selection, resources, "write a second workspace with a slash: WORKSPACE/"); err != nil {
		return err
	}
	c.opts.Base, err = c.readBase()
	return err
}

// runList prints what a path contains.
func (c *exportCommand) runList(ctx context.Context) error {
	var p find.Path
	if len(c.opts.Paths) > 0 {
		p = c.opts.Paths[0]
	}
	w := bufio.NewWriter(c.stdio.Stdout)
	err := exporter.List(ctx, c.opts, p, func(e listing.Entry) error {
		line, err := e.Line(c.json, progress.Escape, progress.EscapeJSON)
		if err == nil {
			_, err = fmt.Fprintln(w, line)
			err = stdoutError(err)
		}
		return err
	})
	return errors.Join(err, stdoutError(w.Flush()))
}

// runExport writes the stream, and what is to be said about it in the end.
func (c *exportCommand) runExport(ctx context.Context, out *output) error {
	c.opts.Observer, c.opts.Counters = c.watch, &c.counters
	// The other modes read the server, and not a list of keys.
	c.opts.Listed = c.chosen.listed
	w, err := c.openStream(out)
	if err != nil {
		return err
	}
	if w == nil {
		if err := out.Commit(); err != nil {
			return err
		}
		c.reporter.Info("%s was complete and now has its final name", out.name)
		sum := c.opts.Continue.Report(c.watch)
		return errors.Join(c.watch.end(sum), missingItems(sum.Items))
	}
	boundMemory()
	graceCtx, cancel := withGrace(ctx, graceTime)
	defer cancel()
	sum, err := exporter.New(c.opts).Export(ctx, graceCtx, w)
	if err == nil {
		err = out.Commit()
	}
	return c.finish(out, sum, err)
}

// finish tells how the export ended.
func (c *exportCommand) finish(out *output, sum *exporter.Summary, err error) error {
	reportErr := c.watch.end(sum)
	c.reporter.Close()
	if err == nil || sum.Listed > 0 {
		c.reporter.Summary()
	}
	if err != nil {
		return errors.Join(c.howToGoOn(out, c.source.explain(err)), reportErr)
	}
	if sum.LeftOut > 0 || sum.AssetsLeft > 0 {
		c.reporter.Info("left out by the selection: %s, %s (%s)",
			progress.Count(sum.LeftOut, "experiment"), progress.Count(sum.AssetsLeft, "asset"), progress.Bytes(sum.AssetsBytes))
	}
	if c.opts.Base != nil {
		c.reporter.Info("compared with the archive: %s unchanged and left out, %d new or changed, %d no longer at the source", progress.Count(sum.Unchanged, "experiment"), sum.Listed-sum.Linked-sum.Rechecked, sum.Gone)
	}
	if c.opts.Recheck > 0 {
		c.reporter.Info("--recheck: exported %s that look unchanged", progress.Count(sum.Rechecked, "experiment"))
	}
	if sum.Thinned > 0 {
		c.reporter.Warn("%s sampled by the server: the stream has the points that it keeps (see --report)", progress.Count(sum.Thinned, "metric"))
	}
	if reportErr != nil {
		return reportErr
	}
	return errors.Join(missingItems(sum.Items), missingKeys(sum.NotFound), selectedNothing(sum.Nothing))
}

// selectedNothing returns err, which says that a selection has left nothing, with
// how to list what exists.
func selectedNothing(err error) error {
	if e, ok := errors.AsType[*selection.NothingError](err); ok && e.OfAssets() {
		return withCode(ExitIncomplete, err, "the stream has everything else; comet-filter --json assets lists the assets of a whole export")
	}
	return withCode(ExitIncomplete, err, "comet-export -l lists what exists")
}

// missingKeys returns an error for experiments that were asked for by key, and
// that a warning has named.
func missingKeys(n int64) error {
	if n == 0 {
		return nil
	}
	return withCode(ExitIncomplete, fmt.Errorf("%s not found by key", progress.Count(n, "experiment")))
}

// missingItems returns an error for what a complete stream says it lacks.
func missingItems(n int64) error {
	if n == 0 {
		return nil
	}
	return withCode(ExitIncomplete, fmt.Errorf("%s missing from the stream (recorded there as skipped)", progress.Count(n, "item")))
}

// howToGoOn adds to what ended an export how to have the rest.
func (c *exportCommand) howToGoOn(out *output, err error) error {
	code := ExitCode(err)
	if out.left() {
		return withCode(code, err, fmt.Sprintf("run the same command again: it continues %s", out.Partial()))
	}
	if code != ExitServer && !errors.Is(err, context.Canceled) {
		return err
	}
	if out.Partial() != "" {
		return withCode(code, err, "run the same command again")
	}
	if isRegular(c.stdio.Stdout) {
		return withCode(code, err, "the file on standard output is cut off: run the command again; with -o FILE it could continue")
	}
	return withCode(code, err, "run the whole pipeline again: comet-import writes what is missing, any other copy is cut off")
}
