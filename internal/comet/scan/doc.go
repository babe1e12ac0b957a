// Package scan reads JSON documents as they come, in bounded memory: lists element
// by element, texts piece by piece, and says what a document lacks of what was
// asked for.
//
//	s := scan.New(body, 64<<10, room)
//	err := s.Listed(scan.ListNamed("tags"), nil, func() error {
//		return s.Array(func(tag []byte, cut bool) error { ... })
//	})
//
// A document that ends too early is [ErrCutShort], one that is not JSON
// [wire.ErrSyntax], one without the member that was wanted a [*Lack]. Of what is
// larger than the [Room] for it, an element of a list comes without its long
// members; all else is [ErrTooLarge]. Bytes that a function is given are valid
// until it returns. Nothing here may be used by two goroutines at once.
//
// The package knows nothing of requests, of servers and of what their documents
// mean.
package scan
