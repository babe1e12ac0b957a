// Package packed keeps metric points in the order of the stream, in few bytes:
// about eleven for a typical point, which takes over a hundred as a [stream.Point].
//
//	c := packed.New()
//	c.Add("loss", &p) // in whatever order the server gives
//	for _, name := range c.Names() {
//		err := c.Records(name, write)
//	}
//
// What goes in comes out, to the last digit; points of equal time and step stay in
// the order in which they were added. A collection is for one goroutine.
//
// The package must not know where points come from.
package packed
