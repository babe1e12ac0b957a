// Package api makes calls of a server of Comet, one at a time: it says what an
// answer means, and repeats a call for as long as that is worthwhile.
//
//	conn, err := api.New(api.Options{URL: "https://comet.example.com/clientlib/", APIKey: key})
//	if err != nil {
//		return err
//	}
//	tags := api.NewRead("experiment/tags", scan.ListNamed("tags"), "tag")
//	doc, err := conn.Get(ctx, tags, "experimentKey", experiment)
//
// A [Call] says what is sent and what the answer must have; a [Conn] makes it, by
// [Conn.Get] and its like where the answer is a document, by [Conn.Each] and
// [ListOf] where it is a list, [Conn.OpenText] and [Conn.Download] where it is long,
// and [Conn.Ack] where nothing but the fact is of interest.
//
// # What is promised
//
// That something is absent is accepted when the server says so in its own form of
// an error, and for what was asked (doubt.go). A write counts as done when the
// answer acknowledges it (ack.go). All else is asked again until the budget of
// [Retry] is used up (retry.go), of a call that fails alone sooner (health.go), and
// is then an [*Error] of one of the classes in errors.go. A write that must not be
// done twice is sent once, and [ErrUncertain] where its outcome is not known.
//
// What is known of the server is one value, a [Server] (server.go, traits.go).
//
// A conn may be used by any number of goroutines.
//
// # What it must not know
//
// Experiments, assets and all other resources: which calls there are, and what
// their documents hold, is in package comet. How requests travel is in transport,
// how JSON is read in scan and wire.
package api
