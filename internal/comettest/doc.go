// Package comettest is an embedded server that speaks the HTTP API of Comet:
// REST v2 and the client-library calls, in one process, in memory.
//
// It serves tests, demonstrations and people who want to try a client without
// an account. A test starts one with
//
//	srv := comettest.Start(t, comettest.Options{})
//	srv.SeedDemo("demo")
//	t.Setenv("COMET_URL_OVERRIDE", srv.ClientlibURL())
//	t.Setenv("COMET_API_KEY", comettest.DefaultAPIKey)
//
// and compares two of them by [Server.State], which looks at the store and not
// through any client.
//
// The server is strict: a wrong request gets the documented error, and what it
// stores is what came, to the letter. [Moods] makes it behave like servers of
// other ages, at any time while it runs.
//
// This package has the listeners, the control endpoints and the counts. What a
// server holds is in package store, its calls are in a package for each area of
// the API, all of them on top of package api.
//
// The package shares no code with the client of this module: a server that
// shared the client's types would share its mistakes.
package comettest
