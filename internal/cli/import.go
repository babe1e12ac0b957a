package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/importer"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/signoff"
	"github.com/comet-stream/comet-stream/stream"
)

// importCommand is one run of comet-import.
type importCommand struct {
	*command
	opts importer.Options

	in, dir            string
	keys, elsewhere    string
	owner              string // file
	dryRun, verifyOnly bool
	tempMax            stream.Int64

	counters progress.Counters
	reporter *progress.Reporter
	target   *server
	lines    *reportFile // nil if no report is wanted

	dryRunRequests int64 // requests, of a dry run

	htmlReport string // file
	page       *signoff.Page
	pageFile   *output
}

// Import is the command comet-import: it reads a stream and writes it to a
// server.
func Import(ctx context.Context, stdio IO, args []string) error {
	c := &importCommand{
		command: newCommand("comet-import", importUsage, stdio),
		keys:    string(place.KeysKeep), elsewhere: string(place.ElsewhereLeave),
	}
	c.addFlags()
	args, err := c.parse(args)
	if err != nil {
		return err
	}
	if err := c.parseArgs(args); err != nil {
		return err
	}
	files := map[string]string{"-i": cmp.Or(c.in, "-")}
	if c.dir != "" {
		delete(files, "-i")
	}
	if err := c.oneStdin(files); err != nil {
		return err
	}
	in, err := c.openInputOrFolder(ctx, c.in, "-d", c.dir)
	if err != nil {
		return err
	}
	defer in.Close()
	if c.lines, err = c.openReport(); err != nil {
		return err
	}
	if err := c.checkPage(); err != nil {
		return err
	}
	c.reporter = c.startReport(&c.counters)
	defer c.reporter.Close()
	for _, text := range in.warnings {
		c.reporter.Warn("%s", text)
	}
	err = c.run(ctx, in)
	return errors.Join(err, c.lines.close())
}

func (c *importCommand) addFlags() {
	o := &c.opts
	c.addServerFlags(config.Import)
	c.IntVar(&c.server.concurrency, "j", c.server.concurrency, "")
	c.noEnv["j"] = true
	c.TextVar(&c.in, "i")
	c.TextVar(&c.dir, "d")
	c.noEnv["d"] = true
	c.addReportFlag()
	c.TextVar(&c.htmlReport, "html-report")
	c.ModeVar(&c.dryRun, "dry-run")
	c.ModeVar(&c.verifyOnly, "verify-only")
	c.BoolVar(&o.Verify, "verify", false, "")
	c.BoolVar(&o.Merge, "merge", false, "")
	c.BoolVar(&o.CreateWorkspace, "create-workspace", false, "")
	c.BoolVar(&o.Update, "update", false, "")
	c.BoolVar(&o.RewriteSeries, "rewrite-series", false, "")
	c.noEnv["rewrite-series"] = true // for one run, and not for all
	c.BoolVar(&o.NoRewrite, "no-rewrite", false, "")
	c.BoolVar(&o.RewriteLinks, "rewrite-links", false, "")
	c.BoolVar(&o.NoShareLinks, "no-share-links", false, "")
	c.TextVar(&c.owner, "owner")
	c.EnumVar(&c.keys, "keys", string(place.KeysKeep), string(place.KeysDerive), string(place.KeysRequire))
	c.EnumVar(&c.elsewhere, "elsewhere", string(place.ElsewhereLeave), string(place.ElsewhereDerive))
	c.TextVar(&o.TempDir, "temp-dir")
	c.SizeVar(&c.tempMax, "temp-max")
}

// parseArgs reads the argument, and what flags say together.
func (c *importCommand) parseArgs(args []string) error {
	if len(args) > 1 {
		hints := append(fileArgument(args), "comet-import takes one WORKSPACE[/PROJECT]; comet-export and comet-filter choose what is imported")
		return c.usageError(fmt.Errorf("%q: too many arguments", args[1]), hints...)
	}
	if c.dryRun && (c.verifyOnly || c.given("verify")) {
		return c.usageError(errors.New("--dry-run verifies nothing"), "--verify-only compares everything and writes nothing")
	}
	o := &c.opts
	if len(args) == 1 {
		hints := fileArgument(args)
		if hints != nil && strings.HasSuffix(args[0], ".zst") {
			return c.usageError(fmt.Errorf("%q is the name of a file, not of a workspace", args[0]), hints...)
		}
		path, err := c.pathOf(args[0])
		if err != nil {
			return err
		}
		to, err := place.ParseTarget(path)
		if err != nil {
			return c.usageError(err, hints...)
		}
		o.To = to
	}
	o.Keys, o.Elsewhere = place.Keys(c.keys), place.Elsewhere(c.elsewhere)
	switch {
	case c.dryRun:
		o.Mode, o.Verify = importer.DryRun, false
	case c.verifyOnly:
		o.Mode = importer.VerifyOnly
	}
	if c.owner != "" {
		owners, err := readOwners(c.owner)
		if err != nil {
			return c.usageError(fmt.Errorf("--owner: %w", err))
		}
		o.Owners = owners
	}
	if c.tempMax.OK {
		o.TempMax = max(c.tempMax.V, 1) // of 0 bytes nothing can wait, as of 1
	}
	return nil
}

func (c *importCommand) run(ctx context.Context, in *input) (err error) {
	boundMemory()
	if c.target, err = c.openServer(c.reporter); err != nil {
		return err
	}
	defer c.target.Close()
	account, err := c.target.introduce(ctx, "to")
	if err != nil {
		return err
	}
	if err := c.target.checkPath(ctx); err != nil {
		return err
	}
	c.opts.User = account.UserName
	c.opts.Experiments = c.server.concurrency
	c.opts.Outcome = c.printOutcome
	c.opts.Counters = &c.counters
	if c.opts.Mode != importer.Write {
		c.reporter.Info("%s: reads the whole stream and the destination, writes nothing", c.lookMode())
	}
	if c.stdio.Import != nil {
		c.stdio.Import(&c.opts)
	}
	work, cancel := withGrace(ctx, graceTime)
	defer cancel()
	c.counters.Size.Store(in.size())
	read := c.startPage(c.counters.CountReader(in), account.UserName)
	sum, err := importer.Import(ctx, work, read, c.target.Client, c.opts)
	pageErr := c.writePage(work, sum, err)
	c.reporter.Close()
	c.total(sum, err == nil)
	return errors.Join(c.explain(in, err), c.verdict(sum), pageErr)
}

// maxIssueLines is how many issues of one experiment are printed. The report
// has more.
const maxIssueLines = 10

// printOutcome prints what is odd about one outcome, and adds it to the report.
func (c *importCommand) printOutcome(o *report.Outcome) {
	c.lines.add(o)
	c.dryRunRequests += requestsFor(o)
	if c.page != nil {
		c.page.Outcome(o)
	}
	subject := outcomeName(o)
	if o.Error != "" {
		c.reporter.Warn("%s: not finished: %s", subject, strings.TrimPrefix(o.Error, subject+": "))
	}
	lines := 0
	for _, i := range o.Issues {
		switch {
		case o.Result == report.ResultElsewhere:
			c.reporter.Warn("%s (%q): not imported: %s", subject, o.Name, i.Reason)
			continue
		case i.Class == report.Noted:
			c.reporter.Info("%s: %s", subject, i)
			continue
		}
		if lines++; lines <= maxIssueLines {
			c.reporter.Warn("%s: %s", subject, i)
		}
	}
	if more := max(lines-maxIssueLines, 0) + o.MoreIssues; more > 0 {
		c.reporter.Warn("%s: and %d more; --report lists them", subject, more)
	}
}

// requestsFor returns about how many requests it takes to write what an outcome
// says, which comes from a run that only looks.
func requestsFor(o *report.Outcome) int64 {
	const (
		toCreate  = 12 // handshake, tags, times, state and the texts that most have
		toCompare = 8
		batch     = 1000 // points, and parameters, of one request
	)
	w := &o.Written
	n := w.Others + w.Assets + int64(len(w.Items)) + (w.Points+batch-1)/batch + (w.Parameters+batch-1)/batch
	if o.Kind != report.KindExperiment {
		return n + 2
	}
	if o.Result == report.ResultCreated {
		return n + toCreate
	}
	return n + toCompare
}

// outcomeName names what an outcome is of.
func outcomeName(o *report.Outcome) string {
	switch {
	case o.SourceKey != "":
		return fmt.Sprintf("experiment %q", o.SourceKey)
	case o.Project != "" && o.Name == "":
		return fmt.Sprintf("%s %q", o.Kind, o.Workspace+"/"+o.Project)
	case o.Name != "":
		return fmt.Sprintf("%s %q", o.Kind, o.Workspace+"/"+o.Name)
	}
	return o.Kind
}

// total writes the last line of the report and prints the sum, that of a stream
// with nothing in it too if it was whole.
func (c *importCommand) total(s *report.Summary, whole bool) {
	c.lines.add(struct {
		Kind string `json:"kind"`
		*report.Summary
	}{report.KindTotal, s})
	for _, kind := range slices.Sorted(maps.Keys(s.Unknown)) {
		c.reporter.Warn("%s of the unknown kind %q not imported: a newer version may know it", progress.Count(s.Unknown[kind], "record"), kind)
	}
	if !whole && s.Read+s.Projects == 0 && len(s.Other) == 0 {
		return
	}
	c.reporter.Summary()
	verb := ""
	if c.opts.Mode != importer.Write {
		verb = "would be "
	}
	c.reporter.Info("%s read: %d %screated, %d %scompleted, %d already there, %d elsewhere, %d failed",
		progress.Count(s.Read, "experiment"), s.Created, verb, s.Completed, verb, s.AlreadyThere, s.Elsewhere, s.Failed)
	var others []string
	for _, kind := range slices.Sorted(maps.Keys(s.Other)) {
		others = append(others, countOther(kind, s.Other[kind]))
	}
	if s.ProjectsCreated > 0 {
		others = append(others, fmt.Sprintf("%s %screated", progress.Count(s.ProjectsCreated, "project"), verb))
	}
	switch {
	case len(others) > 0:
		c.reporter.Info("also: %s", strings.Join(others, ", "))
	case c.opts.Mode == importer.Write && !s.Wrote():
		c.reporter.Info("nothing was written")
	}
	if c.opts.Mode == importer.DryRun {
		c.reporter.Info("the import would take about %d requests: %s", c.dryRunRequests, c.target.pace(c.dryRunRequests))
	}
	if c.opts.Mode != importer.Write {
		c.reporter.Info("nothing was written (%s)", c.lookMode())
	}
	if c.opts.Verify || c.opts.Mode == importer.VerifyOnly {
		c.reporter.Info("verified: %d of %d identical", s.Verified, s.Read)
	}
}

// lookMode returns the flag of a run that writes nothing.
func (c *importCommand) lookMode() string {
	if c.dryRun {
		return "--dry-run"
	}
	return "--verify-only"
}

// countOther returns a number of things other than experiments in words.
func countOther(kind string, n int64) string {
	switch stream.Kind(kind) {
	case stream.KindProject:
		return "details of " + progress.Count(n, "project")
	case stream.KindNotes:
		return "notes of " + progress.Count(n, "project")
	case "owner":
		return "owner of " + progress.Count(n, "project")
	case stream.KindLineage:
		return progress.Count(n, "lineage entry")
	}
	return progress.Count(n, strings.ReplaceAll(kind, "-", " "))
}

// verdict returns an error for what is missing or differs.
func (c *importCommand) verdict(s *report.Summary) error {
	var errs []error
	if s.Unverified > 0 {
		errs = append(errs, withCode(ExitDiffers, fmt.Errorf("verification found %s", progress.Count(s.Unverified, "difference"))))
	}
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{
		{s.Missing, "missing at the destination"}, {s.Differing, "different at the destination"},
		{s.Elsewhere, "in another project of the destination"}, {s.Skipped, "missing from the stream"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) > 0 {
		var hints []string
		if s.Differing > 0 {
			hints = append(hints, "--update overwrites single values that differ")
		}
		if s.Elsewhere > 0 {
			hints = append(hints, "--elsewhere derive imports experiments that are in another project under new keys")
		}
		errs = append(errs, withCode(ExitIncomplete, errors.New("import incomplete: "+strings.Join(parts, ", ")), hints...))
	}
	return errors.Join(errs...)
}

// inputHints says how to have the rest of a stream that ended early.
func (c *importCommand) inputHints(in *input, err error) []string {
	switch hints := in.emptyHints(c.counters.Bytes.Load(), err); {
	case hints != nil:
		return hints
	case errors.Is(err, stream.ErrNotStream) || errors.Is(err, stream.ErrVersion):
		return nil
	case codeOfInput(err) != ExitInput:
		return []string{abortHint}
	case c.opts.Mode != importer.Write:
		return nil
	}
	return []string{"all experiments before that are imported; import the whole stream for the rest"}
}

// explain adds to the error of an import what the user can do about it.
func (c *importCommand) explain(in *input, err error) error {
	if err == nil {
		return nil
	}
	if list := listOf(err); list != nil {
		return explainEach(list, func(err error) error { return c.explain(in, err) })
	}
	if _, ok := err.(*importer.InputError); ok {
		return withCode(codeOfInput(err), fmt.Errorf("%s: %w", in.name, err), c.inputHints(in, err)...)
	}
	if is[*place.MergeError](err) {
		return withCode(ExitUsage, err, "--merge allows that; WORKSPACE alone keeps the names of the projects")
	}
	if is[*place.WorkspaceError](err) {
		return withCode(ExitFailed, err, "--create-workspace creates it, if the key is an administrator's")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, comet.ErrServer) {
		return withCode(ExitCode(err), err, "run the same command again: it continues")
	}
	return c.target.explain(err)
}
