// Package comet is a client of the HTTP API of Comet ML: the REST API (v2) and
// the endpoints of the client library. It reads and writes experiments with
// everything that belongs to them, projects, and the artifacts, registry models,
// panels and views of a workspace.
//
//	c, err := comet.New(comet.Options{URL: "https://comet.example.com/clientlib/", APIKey: key})
//	if err != nil {
//		return err
//	}
//	for e, err := range c.Experiments.List(ctx, comet.Listing{Workspace: "acme", Project: "vision"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(e.Key)
//	}
//
// A client has a field for each resource, with a method for each endpoint.
// Methods take a context, may be called from any number of goroutines, and retry
// transient failures until the retry budget is used up; a write that must not be
// done twice is never repeated when it may have reached the server, see
// [ErrUncertain]. Package api makes the calls and interprets the answers;
// names.go re-exports the names that callers need.
//
// # Documents
//
// Answers are kept whole: a decoded type has a field Raw with the JSON text as
// received, and fields for what programs need, whose tags name the members that they
// come from. Raw is authoritative, the fields
// are a convenience: a nil pointer stands for null and for absent, and numbers
// given as text (and texts given as numbers) are accepted. Slices and Raw texts
// of one answer share memory; treat them as read-only.
//
// # Secrets
//
// The API key is sent to the configured host alone, whatever redirects say,
// and is in no error, event or log record of this package.
//
// # Compatibility
//
// Servers of all versions are supported: a call that the server lacks returns
// [ErrUnsupported], once its version or its answer has shown that the call is
// missing.
package comet
