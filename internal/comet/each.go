package comet

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Each calls yield for each parameter of an experiment as the answer
// comes, for experiments that have tens of thousands. The terms are those of
// [Metrics.Points]; the Value and its Raw are valid until yield returns.
func (c Parameters) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.conn.eachValue(ctx, readParameters, key, restart, yield)
}

// Each is [Parameters.Each] for the others of an experiment.
func (c Others) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.conn.eachValue(ctx, readOthers, key, restart, yield)
}

// Each is [Parameters.Each] for the summaries of the metrics of an
// experiment.
func (c Metrics) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.conn.eachValue(ctx, readSummary, key, restart, yield)
}

func (c *conn) eachValue(ctx context.Context, rd read, key string, restart func(), yield func(*Value) error) error {
	return c.each(ctx, rd, values("experimentKey", key), restart, func(v []byte, cut bool) error {
		x := parseValue(v)
		x.Cut = cut
		return yield(&x)
	})
}

// Each calls yield for each asset of an experiment as the answer comes,
// under the terms of [Parameters.Each]: all of them if typ is empty, else
// those of one type.
func (c Assets) Each(ctx context.Context, key, typ string, restart func(), yield func(*Asset) error) error {
	if typ == "" {
		typ = allTypes
	}
	q := values("experimentKey", key, "type", typ)
	return c.conn.each(ctx, readAssets, q, restart, func(v []byte, cut bool) error {
		a := parseAsset(v)
		a.Cut = cut
		return yield(&a)
	})
}

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

// listed reads a document that must have the list that is wanted. read is called
// where that begins, and b, if it is not nil, takes what is beside it.
func (s *scanner) listed(w wants, b *beside, read func() error) error {
	k := check{wants: w}
	if c, err := s.peek(); err == nil && c == '[' && w.bare {
		return s.bare(&k, read)
	}
	of := "" // which of the names the list has
	err := s.object(func(name string) error {
		c, err := s.peek()
		if err != nil {
			return err
		}
		if c == '[' && slices.Contains(w.names, name) && (of == "" || of == name) {
			of = name
			k.member(name, []byte{c})
			return read()
		}
		if b == nil {
			v, ok, err := s.short()
			if !ok {
				v = []byte{c}
			}
			k.member(name, v)
			return err
		}
		v, err := s.checked()
		if err != nil {
			return err
		}
		k.member(name, v)
		return b.member(s.room, name, v)
	})
	if err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	return k.end()
}

// bare reads a list that is all of the document. One with nothing in it might be
// anybody's answer.
func (s *scanner) bare(k *check, read func() error) error {
	before := s.elements
	if err := read(); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	if k.found = s.elements > before; k.found {
		return nil
	}
	l := k.end().(*lack)
	l.words = "[]"
	return l
}

// array reads an array element by element. fn must not keep the element.
func (s *scanner) array(fn func(v []byte, cut bool) error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c == ']' {
		s.pos++
		return nil
	}
	for {
		v, cut, err := s.element()
		if err != nil {
			return err
		}
		if !bytes.Equal(v, []byte("null")) && !bytes.Equal(v, []byte("{}")) {
			s.elements++
		}
		if err := fn(v, cut); err != nil {
			return err
		}
		if c, err = s.peek(); err != nil {
			return err
		}
		s.pos++
		switch c {
		case ']':
			return nil
		case ',':
		default:
			return wire.ErrSyntax
		}
	}
}

// element reads an element of a list. cut says that it is too large, and what is
// left of it.
func (s *scanner) element() (v []byte, cut bool, err error) {
	v, err = s.checked()
	if errors.Is(err, ErrTooLarge) && s.buf[s.pos] == '{' {
		v, err = s.pruned()
		return v, true, err
	}
	return v, false, err
}
