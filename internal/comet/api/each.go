package api

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Each reads an object with the list that is wanted, and calls yield for each
// element. cut says that the element is too large to be held, and that only its
// short members are there.
func (c *Conn) Each(ctx context.Context, rd Read, q url.Values, restart func(), yield func(v []byte, cut bool) error) error {
	return c.eachBeside(ctx, rd, q, restart, nil, func(_ *scan.Room, v []byte, cut bool) error { return yield(v, cut) })
}

// eachBeside is [Conn.Each] with the members next to the list, if b is not nil.
func (c *Conn) eachBeside(ctx context.Context, rd Read, q url.Values, restart func(), b *scan.Beside, yield func(r *scan.Room, v []byte, cut bool) error) error {
	cl := rd.Call(q)
	return c.Streamed(ctx, cl, restart, func(s *scan.Scanner, taken *bool) error {
		if b != nil {
			b.Begin()
		}
		return s.Listed(rd.Wants, b, func() error {
			return s.Array(func(v []byte, cut bool) error {
				*taken = true
				if err := yield(cl.room, v, cut); err != nil {
					return &YieldError{err}
				}
				return nil
			})
		})
	})
}

// ListOf reads a list as it comes, and returns what parse makes of its elements,
// which are parse's to keep.
func ListOf[T any](ctx context.Context, c *Conn, rd Read, q url.Values, b *scan.Beside, parse func(v []byte) T) ([]T, error) {
	var all []T
	err := c.eachBeside(ctx, rd, q, func() { all = nil }, b, func(r *scan.Room, v []byte, cut bool) error {
		if err := r.Keep(len(v)); err != nil {
			return err
		}
		if cut {
			return scan.TooLarge(scan.MaxElement)
		}
		all = append(all, parse(bytes.Clone(v)))
		return nil
	})
	switch re, ok := err.(*scan.ReserveError); {
	case ok:
		return nil, re.Err
	case errors.Is(err, scan.ErrTooLarge):
		return nil, c.judge.badAnswer(rd.Call(nil), err, false)
	case err != nil:
		return nil, err
	}
	return all, nil
}

// ListWithin is [ListOf] with the rest of the document.
func ListWithin[T any](ctx context.Context, c *Conn, rd Read, q url.Values, parse func(v []byte) T) (doc []byte, list []T, err error) {
	var o wire.Object
	list, err = ListOf(ctx, c, rd, q, &scan.Beside{
		Begin: func() { o = wire.Object{} },
		Member: func(r *scan.Room, name string, v []byte) error {
			if o.Len()+len(v) > scan.MaxDocument {
				return scan.TooLarge(scan.MaxDocument)
			}
			if !slices.Contains(rd.Wants.Names, name) {
				o.Raw(name, v)
			}
			return r.Keep(len(v))
		},
	}, parse)
	return o.Bytes(), list, err
}
