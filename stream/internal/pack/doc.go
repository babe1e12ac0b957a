// Package pack has the values that records are made of: msgpack in the one form that
// the format allows, and JSON text to and from it.
//
//	data := pack.Append(nil, func(p *pack.Packer) {
//		p.MapLen(1)
//		p.Str("name")
//		p.Str("loss")
//	})
//	if _, err := pack.Scan(data, 0, 0); err != nil { … } // what comes from outside
//	c := pack.CursorAt(data, 0)
//	defer c.Free()
//
// The msgpack is that of the library, value by value. This package adds what the
// format asks for: the shortest form of each value; slices that alias the block they
// were read from; and no allocation a value. Scan checks lengths, nesting, UTF-8 and
// the keys of maps, which the library trusts; a Cursor reads what it has passed and
// checks nothing again.
//
// Numbers of JSON keep their text: one that neither an integer nor a float64 gives
// back to the letter is an ext value with the text. Errors are a [*Fault], which
// knows no place; package stream adds that.
//
// It knows neither records nor the framing of a stream.
package pack
