package scan

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// textReader reads one string of a JSON document as it comes.
type textReader struct {
	s      *Scanner
	k      check
	quoted []byte // a piece of the string, as JSON
	text   string // not given yet
	err    error  // what comes after it
}

// ReadText returns the text that is wanted of a document, nil if that is null. It
// reads size bytes at a time.
func ReadText(r io.Reader, size int, w Wants) (io.Reader, error) {
	t := &textReader{s: New(r, size, nil), k: check{wants: w}}
	if null, err := t.start(); err != nil || null {
		return nil, err
	}
	return t, nil
}

// start reads up to the value of the member that is wanted of the document's
// object. It reports whether that is null.
func (r *textReader) start() (null bool, err error) {
	null = true
	k := &r.k
	err = r.s.object(func(n string) error {
		c, err := r.s.Peek()
		if err != nil {
			return err
		}
		wanted := slices.Contains(k.wants.Names, n)
		switch {
		case wanted && c == '"':
			k.found = true
			if err := k.end(); err != nil {
				return err
			}
			r.s.pos++
			return errFound
		case !wanted && !k.minds(n):
			return r.s.skip()
		}
		v, err := r.s.value()
		if err != nil {
			return err
		}
		k.member(n, v)
		if t := wire.TextOf(v); wanted && t != nil {
			null = false
			r.text, r.err = *t, io.EOF
		}
		return nil
	})
	switch {
	case err == errFound:
		return false, nil
	case err == nil:
		err = k.end()
	}
	if err != nil {
		return false, err
	}
	return null, r.s.finish()
}

var errFound = errors.New("found")

// Read implements [io.Reader].
func (r *textReader) Read(p []byte) (int, error) {
	for len(r.text) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.text, r.err = r.piece()
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}

// piece reads what is in the buffer of the string, which may be nothing yet.
func (r *textReader) piece() (string, error) {
	b := r.s.Unread()
	n := wire.TextLen(b)
	ends := n < len(b) && b[n] == '"'
	if n == 0 && !ends {
		return "", r.s.More()
	}
	r.quoted = append(append(append(r.quoted[:0], '"'), b[:n]...), '"')
	if !json.Valid(r.quoted) {
		return "", wire.ErrSyntax
	}
	r.s.Advance(n)
	if !ends {
		return wire.Unquote(r.quoted), nil
	}
	r.s.Advance(1)
	err := r.rest()
	if err == nil {
		err = io.EOF
	}
	return wire.Unquote(r.quoted), err
}

// rest reads the document to its end: a text is whole only then.
func (r *textReader) rest() error {
	for {
		c, err := r.s.Peek()
		if err != nil {
			return err
		}
		r.s.pos++
		switch c {
		case '}':
			if err := r.s.finish(); err != nil {
				return err
			}
			return r.k.end()
		case ',':
		default:
			return wire.ErrSyntax
		}
		name, err := r.s.name()
		switch {
		case err != nil:
		case slices.Contains(r.k.wants.Names, name) || !r.k.minds(name):
			err = r.s.skip()
		default:
			err = r.s.judge(&r.k, name)
		}
		if err != nil {
			return err
		}
	}
}
