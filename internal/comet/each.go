package comet

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"slices"
)

// EachParameter calls yield for each parameter of an experiment as the answer
// comes, for experiments that have tens of thousands. The terms are those of
// [Client.MetricPoints]; the Value and its Raw are valid until yield returns.
func (c *Client) EachParameter(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.eachValue(ctx, readParameters, key, restart, yield)
}

// EachOther is EachParameter for the others of an experiment.
func (c *Client) EachOther(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.eachValue(ctx, readOthers, key, restart, yield)
}

// EachMetric is EachParameter for the summaries of the metrics of an
// experiment.
func (c *Client) EachMetric(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return c.eachValue(ctx, readSummary, key, restart, yield)
}

func (c *Client) eachValue(ctx context.Context, rd read, key string, restart func(), yield func(*Value) error) error {
	return c.each(ctx, rd, values("experimentKey", key), restart, func(v []byte) error {
		x := parseValue(v)
		return yield(&x)
	})
}

// EachAsset calls yield for each asset of an experiment as the answer comes,
// under the terms of [Client.EachParameter]: all of them if typ is empty, else
// those of one type.
func (c *Client) EachAsset(ctx context.Context, key, typ string, restart func(), yield func(*Asset) error) error {
	if typ == "" {
		typ = "all"
	}
	q := values("experimentKey", key, "type", typ)
	return c.each(ctx, readAssets, q, restart, func(v []byte) error {
		a := parseAsset(v)
		return yield(&a)
	})
}

// each reads an object with the list that is wanted, and calls yield for each
// element.
func (c *Client) each(ctx context.Context, rd read, q url.Values, restart func(), yield func([]byte) error) error {
	return c.streamed(ctx, rd.call(q), restart, func(r io.Reader, taken *bool) error {
		return newScanner(r, 64<<10).listed(rd.wants, func(s *scanner) error {
			return s.array(func(v []byte) error {
				*taken = true
				if err := yield(v); err != nil {
					return &yieldError{err}
				}
				return nil
			})
		})
	})
}

// listed reads a document that must have the list that is wanted. read is called
// where that begins.
func (s *scanner) listed(w wants, read func(*scanner) error) error {
	k := check{wants: w}
	err := s.object(func(name string) error {
		c, err := s.peek()
		if err != nil {
			return err
		}
		if c == '[' && slices.Contains(w.names, name) {
			k.member(name, []byte{c})
			return read(s)
		}
		v, err := s.checked()
		if err != nil {
			return err
		}
		k.member(name, v)
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	return k.end()
}

// array reads an array element by element. fn must not keep the element.
func (s *scanner) array(fn func(v []byte) error) error {
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
		v, err := s.value()
		if err != nil {
			return err
		}
		if !json.Valid(v) {
			return errSyntax
		}
		if err := fn(v); err != nil {
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
			return errSyntax
		}
	}
}
