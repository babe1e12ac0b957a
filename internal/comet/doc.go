// Package comet is a client of the HTTP API of Comet ML: the REST API (v2) and
// the endpoints of the client library. It reads and writes experiments with all
// that belongs to them, projects, and what a workspace has beside them:
// artifacts, the model registry, panels and views.
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
// A client has a field for each resource, and that a method for each endpoint.
// Methods take a context, may be called from any number of goroutines, and repeat
// what fails for a passing reason until the retry budget is used up; a write that
// must not be done twice is never repeated when it may have reached the server, see
// [ErrUncertain]. How calls are made, and what answers mean, is in package api, of
// which names.go has the names that callers need.
//
// # Documents
//
// What the server answers is kept whole: a decoded type has a field Raw with
// the JSON text as it came beside the fields that programs need. Raw is the
// truth, fields are a convenience: a nil pointer stands for null and for
// absent, and numbers given as text (and texts given as numbers) are accepted.
// Slices and Raw texts of one answer share memory; treat them as read-only.
//
// # Secrets
//
// The API key is sent to the configured host alone, whatever redirects say,
// and is in no error, event or log record of this package.
//
// # Compatibility
//
// Servers of all ages are met: calls that older ones lack answer
// [ErrUnsupported], after the version or the server's answer has shown that
// they are missing.
package comet
