// Package cli holds the three commands, comet-export, comet-filter and
// comet-import: flags, usage texts, standard input and output, exit codes. What
// they do is the work of packages exporter, filter and importer.
//
// A command is a function of a context, an [IO] and arguments, which [Main]
// runs; it touches nothing of package os that a test could not replace. It is
// put together like this:
//
//	func Export(ctx context.Context, stdio IO, args []string) error {
//		cmd := newCommand("comet-export", exportUsage, stdio)
//		cmd.addServerFlags(config.Export)     // --url, --rate and so on
//		cmd.TextVar(&out, "o")                // an option: COMET_EXPORT_O sets it too
//		cmd.ModeVar(&list, "l", "list")       // a mode: no environment variable
//		cmd.SizeVar(&max, "max-asset-size")   // also TimeVar, ListVar, EnumVar
//		args, err := cmd.parse(args)
//		if err != nil {
//			return err                    // -h and -version come here too
//		}
//		if len(args) == 0 {
//			return cmd.usagef("no WORKSPACE")
//		}
//		var counters progress.Counters
//		report := cmd.startReport(&counters)
//		defer report.Close()                  // wipes the status line; Main prints the error after it
//		server, err := cmd.openServer(report) // a *comet.Client whose requests and troubles are reported
//		if err != nil {
//			return err
//		}
//		defer server.Close()
//		account, err := server.introduce(ctx, "from")
//		if err != nil {
//			return err
//		}
//		output, err := cmd.openOutput(out)    // refuses a terminal; opens at the first byte
//		if err != nil {
//			return err
//		}
//		defer output.Close()                  // leaves FILE.partial unless committed
//		…
//		return output.Commit()                // fsync, close, rename: its error counts
//	}
//
// # Errors and exit codes
//
// Commands return errors and print none. An error leads to the exit code that
// the outermost [Error] in it, or any error with a method ExitCode() int, says;
// withCode makes one, with hints. Errors that errors.Join puts together are
// printed a line each, and the most important of their codes is taken:
//
//	return withCode(ExitUsage, err, "RESOURCE names are "+names)
//
// Errors of packages comet and stream have the code of their class as they are;
// server.explain adds hints to those of a server.
//
// What goes wrong with one item and lets the run go on is a report.Warn, and an
// error with [ExitIncomplete] in the end. Values from outside are printed with
// %q; whatever is printed is escaped once more.
//
// # Signals
//
// The first SIGINT, SIGTERM or SIGHUP cancels ctx, which means: take no new work. Work
// in flight runs under withGrace(ctx, graceTime). A command that returns an error
// which wraps context.Canceled is then reported as stopped by the signal; its
// hints should say how to go on.
package cli
