// Package importer writes the experiments of a stream to a Comet instance.
//
//	sum, err := importer.Import(ctx, workCtx, os.Stdin, client, importer.Options{
//		To: importer.Project{Workspace: "acme"},
//	})
//
// One goroutine reads the stream. Each experiment has a goroutine of its own,
// which takes its records in order and starts others for the requests that they
// need, so that several experiments and many requests are in progress at a time.
// Memory and disk space are bounded.
//
// # Again
//
// An import may be killed at any moment and run again; it keeps no state of its
// own. An experiment that exists is compared with the stream, item by item, and
// what is missing is written. Three rules make that exact:
//
//   - Times are set last, after everything else is confirmed. An experiment
//     with another start than that of the stream was never finished: there the
//     stream wins. In one that was finished, what differs is someone else's,
//     and is reported.
//   - Points are compared as a multiset of hashes of all their fields. What must
//     not be written twice is written only after two readings have agreed that
//     it is missing.
//   - Keys and asset ids that cannot be kept are derived, always in the same way.
package importer
