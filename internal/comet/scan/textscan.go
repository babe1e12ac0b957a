package scan

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// stringReader decodes one string of a JSON document as it comes.
type stringReader struct {
	s    *Scanner
	k    check
	lit  *strings.Reader // a value that is not a string: its literal
	done bool
	high rune   // a high surrogate that waits for its other half
	out  []byte // decoded, for readers with little room
	err  error
}

// leastRoom is the room that decode needs: a replacement and a character.
const leastRoom = 2 * utf8.UTFMax

// ReadText returns the text that is wanted of a document, nil if that is null. It
// reads size bytes at a time.
func ReadText(r io.Reader, size int, w Wants) (io.Reader, error) {
	sr := &stringReader{s: New(r, size, nil), k: check{wants: w}}
	if null, err := sr.start(); err != nil || null {
		return nil, err
	}
	return sr, nil
}

// start reads up to the value of the member that is wanted of the document's
// object. It reports whether that is null.
func (r *stringReader) start() (null bool, err error) {
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
			r.lit = strings.NewReader(*t)
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
func (r *stringReader) Read(p []byte) (int, error) {
	if r.lit != nil {
		return r.lit.Read(p)
	}
	if len(r.out) == 0 {
		into := p
		if len(p) < leastRoom {
			into = make([]byte, leastRoom)
		}
		n := 0
		for n == 0 && r.err == nil && !r.done {
			n = r.decode(into)
		}
		if len(p) >= leastRoom && n > 0 {
			return n, nil
		}
		r.out = into[:n]
	}
	if n := copy(p, r.out); n > 0 {
		r.out = r.out[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

// decode decodes what is in the buffer into p.
func (r *stringReader) decode(p []byte) int {
	n := 0
	s := r.s
	for n+leastRoom <= len(p) {
		if s.pos == s.end && !s.fill() {
			r.err = s.broken()
			return n
		}
		chunk := s.buf[s.pos:s.end]
		k := plainLength(chunk, len(p)-n-utf8.UTFMax)
		if k > 0 {
			n += r.flush(p[n:])
			n += copy(p[n:], chunk[:k])
			s.pos += k
			continue
		}
		switch c := chunk[0]; {
		case c == '"':
			n += r.flush(p[n:])
			s.pos++
			r.done, r.err = true, r.rest()
			return n
		case c < ' ':
			r.err = wire.ErrSyntax
			return n
		case c == '\\':
			k, err := r.escape(p[n:])
			n += k
			if err != nil {
				r.err = err
				return n
			}
		default:
			n += r.flush(p[n:])
			k, err := r.char(p[n:])
			n += k
			if err != nil {
				r.err = err
				return n
			}
		}
	}
	return n
}

// plainLength returns how many bytes at the start of b, at most limit, are
// ASCII that stands for itself.
func plainLength(b []byte, limit int) int {
	if len(b) > limit {
		b = b[:max(limit, 0)]
	}
	for i, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// flush writes the replacement for a high surrogate that stayed alone.
func (r *stringReader) flush(p []byte) int {
	if r.high == 0 {
		return 0
	}
	r.high = 0
	return utf8.EncodeRune(p, utf8.RuneError)
}

// need makes sure that k bytes are in the buffer.
func (r *stringReader) need(k int) error {
	for r.s.end-r.s.pos < k {
		if !r.s.fill() {
			return r.s.broken()
		}
	}
	return nil
}

// char copies one character that is not ASCII.
func (r *stringReader) char(p []byte) (int, error) {
	s := r.s
	for !utf8.FullRune(s.buf[s.pos:s.end]) {
		if !s.fill() {
			return 0, s.broken()
		}
	}
	c, size := utf8.DecodeRune(s.buf[s.pos:s.end])
	s.pos += size
	return utf8.EncodeRune(p, c), nil
}

// escape decodes one escape sequence.
func (r *stringReader) escape(p []byte) (int, error) {
	if err := r.need(2); err != nil {
		return 0, err
	}
	s := r.s
	c := s.buf[s.pos+1]
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return 0, wire.ErrSyntax
		}
		s.pos += 2
		n := r.flush(p)
		p[n] = "\"\\/\b\f\n\r\t"[i]
		return n + 1, nil
	}
	if err := r.need(6); err != nil {
		return 0, err
	}
	u, ok := hex4(s.buf[s.pos+2 : s.pos+6])
	if !ok {
		return 0, wire.ErrSyntax
	}
	s.pos += 6
	if r.high != 0 {
		if pair := utf16.DecodeRune(r.high, u); pair != utf8.RuneError {
			r.high = 0
			return utf8.EncodeRune(p, pair), nil
		}
	}
	n := r.flush(p)
	if 0xd800 <= u && u < 0xdc00 {
		r.high = u
		return n, nil
	}
	// A low surrogate alone is encoded as U+FFFD.
	return n + utf8.EncodeRune(p[n:], u), nil
}

func hex4(b []byte) (rune, bool) {
	var r rune
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// rest reads the document to its end: a text is whole only then.
func (r *stringReader) rest() error {
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
