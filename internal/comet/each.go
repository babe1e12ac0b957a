package comet

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// each reads an object with the list that is wanted, and calls yield for each
// element. cut says that the element is too large to be held, and that only its
// short members are there.
func (c *conn) each(ctx context.Context, rd read, q url.Values, restart func(), yield func(v []byte, cut bool) error) error {
	return c.eachBeside(ctx, rd, q, restart, nil, func(_ *room, v []byte, cut bool) error { return yield(v, cut) })
}

// beside takes what stands beside a list. begin is called before each reading of
// the document, of which there may be several, member for each member.
type beside struct {
	begin  func()
	member func(r *room, name string, v []byte) error
}

// eachBeside is each with the members beside the list, if b is not nil.
func (c *conn) eachBeside(ctx context.Context, rd read, q url.Values, restart func(), b *beside, yield func(r *room, v []byte, cut bool) error) error {
	return c.streamed(ctx, rd.call(q), restart, func(s *scanner, taken *bool) error {
		if b != nil {
			b.begin()
		}
		return s.listed(rd.wants, b, func() error {
			return s.array(func(v []byte, cut bool) error {
				*taken = true
				if err := yield(s.room, v, cut); err != nil {
					return &yieldError{err}
				}
				return nil
			})
		})
	})
}

// listOf reads a list as it comes, and returns what parse makes of its elements,
// which are parse's to keep.
func listOf[T any](ctx context.Context, c *conn, rd read, q url.Values, b *beside, parse func(v []byte) T) ([]T, error) {
	var all []T
	err := c.eachBeside(ctx, rd, q, func() { all = nil }, b, func(r *room, v []byte, cut bool) error {
		if err := r.keep(len(v)); err != nil {
			return err
		}
		if cut {
			return tooLarge(maxElement)
		}
		all = append(all, parse(bytes.Clone(v)))
		return nil
	})
	switch re, ok := err.(*reserveError); {
	case ok:
		return nil, re.err
	case errors.Is(err, ErrTooLarge):
		return nil, c.badAnswer(rd.call(nil), err, false)
	case err != nil:
		return nil, err
	}
	return all, nil
}

// documentAround is listOf with the rest of the document.
func documentAround[T any](ctx context.Context, c *conn, rd read, q url.Values, parse func(v []byte) T) (doc []byte, list []T, err error) {
	var o wire.Object
	list, err = listOf(ctx, c, rd, q, &beside{
		begin: func() { o = wire.Object{} },
		member: func(r *room, name string, v []byte) error {
			if o.Len()+len(v) > maxDocument {
				return tooLarge(maxDocument)
			}
			if !slices.Contains(rd.wants.names, name) {
				o.Raw(name, v)
			}
			return r.keep(len(v))
		},
	}, parse)
	return o.Bytes(), list, err
}
