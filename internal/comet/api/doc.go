// Package api makes single calls of a Comet server: it decides what an answer
// means, and retries a call for as long as that is worthwhile.
//
//	conn, err := api.New(api.Options{URL: "https://comet.example.com/clientlib/", APIKey: key})
//	if err != nil {
//		return err
//	}
//	tags := api.NewRead("experiment/tags", scan.ListNamed("tags"), "tag")
//	doc, err := conn.Get(ctx, tags, "experimentKey", experiment)
//
// A [Call] says what is sent and what the answer must have; a [Conn] makes it,
// with [Conn.Get] and similar methods if the answer is a document, with
// [Conn.Each] and [ListOf] if it is a list, [Conn.OpenText] and [Conn.Download]
// if it is long, and [Conn.Ack] if only its success matters.
//
// # What is promised
//
// An item counts as absent only if the server says so in its own form of an
// error, about the item that was asked for (doubt.go). A write counts as done
// when the answer acknowledges it (ack.go). Everything else is retried until the
// budget of [Retry] is used up (retry.go, giveup.go), sooner for a call that fails while
// others succeed (health.go), and is then an [*Error] of one of the classes in
// errors.go. A write that must not be done twice is sent once, and [ErrUncertain]
// where its outcome is not known.
//
// Everything learnt about the server is in one value, a [Server] (server.go,
// traits.go).
//
// A Conn may be used by any number of goroutines.
//
// # What it must not know
//
// Experiments, assets and all other resources: which calls there are, and what
// their documents hold, is in package comet. How requests travel is in transport,
// how JSON is read in scan and wire.
package api
