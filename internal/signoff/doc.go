// Package signoff writes the page with which a migration is signed off: one HTML
// file that needs no network, with what was at the source, what is at the
// destination, what could not be kept, and where everything is now.
//
//	page := signoff.New(signoff.Run{Tool: "comet-import v1", To: "https://comet.example.com"})
//	in = page.Read(in)                // the stream passes through
//	… page.Outcome(o) …               // each outcome of the import
//	page.End()                        // no more is read
//	err := page.Write(ctx, w, sum, destination)
//
// It keeps a few hundred bytes of each experiment, and the points of a few metrics,
// which it draws beside those that the destination shows.
package signoff
