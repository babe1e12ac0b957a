package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Scanner reads JSON from a reader, value by value, without keeping what is
// not asked for.
type Scanner struct {
	r        io.Reader
	room     *Room // for what is larger than the buffer
	size     int   // of the buffer for a long document
	buf      []byte
	pos, end int
	err      error // why r gives no more; io.EOF at its end
	full     error // why the buffer does not grow
	elements int   // of lists, read so far, that are neither null nor empty
	left     int64 // bytes that the document may still have
}

// longest is how many bytes a document may have. No experiment has as much; a server
// that sends without end is not read for ever.
const longest = 16 << 30

// firstSize is how many bytes are read first: most documents are no longer. A buffer
// for long ones each time was three quarters of what the export of small experiments
// allocated.
const firstSize = 4 << 10

// New returns a scanner of a document, which reads size bytes at a time where it is
// long, and more where room allows it.
func New(r io.Reader, size int, room *Room) *Scanner {
	return &Scanner{r: r, room: room, size: size, buf: make([]byte, min(size, firstSize)), left: longest}
}

// fill reads more after what is unread, which moves to the front of the
// buffer. It returns false when there is no more, or no room for it.
func (s *Scanner) fill() bool {
	if s.err != nil {
		return false
	}
	to := s.buf
	if s.end == len(s.buf) && len(s.buf) < s.size {
		to = make([]byte, s.size)
	}
	s.end, s.pos, s.buf = copy(to, s.buf[s.pos:s.end]), 0, to
	if s.end == len(s.buf) {
		if s.full = s.room.Grow(2 * len(s.buf)); s.full != nil {
			return false
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if s.left -= int64(n); s.left < 0 {
			s.err = fmt.Errorf("over %d GiB: %w", longest>>30, ErrTooLarge)
			return false
		}
		if err != nil {
			s.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// why returns why there is no more.
func (s *Scanner) why() error {
	if s.full != nil {
		return s.full
	}
	return s.err
}

// broken returns the error for data that ends too early.
func (s *Scanner) broken() error {
	if err := s.why(); err != nil && err != io.EOF {
		return err
	}
	return ErrCutShort
}

// Unread returns what is in the buffer and not read yet. It is valid until the
// next call.
func (s *Scanner) Unread() []byte { return s.buf[s.pos:s.end] }

// Advance takes n of the unread bytes for read.
func (s *Scanner) Advance(n int) { s.pos += n }

// More adds to the unread bytes.
func (s *Scanner) More() error {
	if !s.fill() {
		return s.broken()
	}
	return nil
}

// Peek skips white space and returns the byte after it, unread.
func (s *Scanner) Peek() (byte, error) {
	for {
		if s.pos = wire.SkipSpace(s.buf[:s.end], s.pos); s.pos < s.end {
			return s.buf[s.pos], nil
		}
		if !s.fill() {
			return 0, s.broken()
		}
	}
}

// expect reads one punctuation mark.
func (s *Scanner) expect(c byte) error {
	got, err := s.Peek()
	if err != nil {
		return err
	}
	if got != c {
		return wire.ErrSyntax
	}
	s.pos++
	return nil
}

// value reads a whole value. It is valid until the next call.
func (s *Scanner) value() ([]byte, error) {
	if _, err := s.Peek(); err != nil {
		return nil, err
	}
	for {
		end := wire.ValueEnd(s.buf[:s.end], s.pos)
		// A number that ends where the buffer ends may go on.
		if end >= 0 && end < s.end {
			v := s.buf[s.pos:end]
			s.pos = end
			return v, nil
		}
		if !s.fill() {
			return nil, s.broken()
		}
	}
}

// skip reads past a value of any size.
func (s *Scanner) skip() error {
	c, err := s.Peek()
	if err != nil {
		return err
	}
	if c != '{' && c != '[' && c != '"' {
		_, err = s.value()
		return err
	}
	depth, inString, escaped := 0, false, false
	for {
		for ; s.pos < s.end; s.pos++ {
			c := s.buf[s.pos]
			switch {
			case escaped:
				escaped = false
			case inString && c == '\\':
				escaped = true
			case c == '"':
				inString = !inString
			case inString:
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if depth == 0 && !inString && !escaped {
				s.pos++
				return nil
			}
		}
		if !s.fill() {
			return s.broken()
		}
	}
}

// maxMember is what is kept of one member of something that is too large.
const maxMember = 64 << 10

// short reads a value if it is no longer than maxMember, else past it: then ok is
// false.
func (s *Scanner) short() (v []byte, ok bool, err error) {
	if _, err := s.Peek(); err != nil {
		return nil, false, err
	}
	for {
		end := wire.ValueEnd(s.buf[:s.end], s.pos)
		if end < 0 || end == s.end {
			end = s.end + 1
		}
		switch {
		case end-s.pos > maxMember:
			return nil, false, s.skip()
		case end <= s.end:
			v, err = s.checked()
			return v, true, err
		case !s.fill():
			return nil, false, s.broken()
		}
	}
}

// pruned reads an object of any size, and returns it without its long members.
func (s *Scanner) pruned() ([]byte, error) {
	s.full = nil
	var o wire.Object
	err := s.object(func(name string) error {
		v, ok, err := s.short()
		if ok && err == nil && o.Len() < SmallAnswer {
			o.Raw(name, v)
		}
		return err
	})
	return o.Bytes(), err
}

// object reads an object member by member. For each, fn must read the value.
func (s *Scanner) object(fn func(name string) error) error {
	return s.sequence('{', '}', func() error {
		name, err := s.name()
		if err != nil {
			return err
		}
		return fn(name)
	})
}

// sequence reads what stands between two marks and is separated by commas. For each
// of it, read must read it.
func (s *Scanner) sequence(begin, end byte, read func() error) error {
	if err := s.expect(begin); err != nil {
		return err
	}
	c, err := s.Peek()
	if err != nil {
		return err
	}
	if c == end {
		s.pos++
		return nil
	}
	for {
		if err := read(); err != nil {
			return err
		}
		if c, err = s.Peek(); err != nil {
			return err
		}
		s.pos++
		switch c {
		case end:
			return nil
		case ',':
		default:
			return wire.ErrSyntax
		}
	}
}

// name reads the name of a member, and the colon after it.
func (s *Scanner) name() (string, error) {
	c, err := s.Peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", wire.ErrSyntax
	}
	raw, err := s.checked()
	if err != nil {
		return "", err
	}
	name := wire.Unquote(raw)
	return name, s.expect(':')
}

// finish makes sure that nothing but white space follows.
func (s *Scanner) finish() error {
	_, err := s.Peek()
	switch {
	case err == nil:
		return wire.ErrSyntax
	case s.why() == io.EOF:
		return nil
	}
	return s.why()
}

// checked reads a value of moderate size and checks its syntax.
func (s *Scanner) checked() ([]byte, error) {
	v, err := s.value()
	if err == nil && !json.Valid(v) {
		err = wire.ErrSyntax
	}
	return v, err
}

// Listed reads a document that must have the list that is wanted. read is called
// where that begins, and b, if it is not nil, takes what is beside it.
func (s *Scanner) Listed(w Wants, b *Beside, read func() error) error {
	k := check{wants: w}
	if c, err := s.Peek(); err == nil && c == '[' && w.Bare {
		return s.bare(&k, read)
	}
	of := "" // which of the names the list has
	err := s.object(func(name string) error {
		c, err := s.Peek()
		if err != nil {
			return err
		}
		if c == '[' && slices.Contains(w.Names, name) && (of == "" || of == name) {
			of = name
			k.member(name, []byte{c})
			return read()
		}
		if b == nil {
			return s.judge(&k, name)
		}
		v, err := s.checked()
		if err != nil {
			return err
		}
		k.member(name, v)
		return b.Member(s.room, name, v)
	})
	if err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	return k.end()
}

// judge reads a member that is not wanted, of any size, for what it says of the
// answer.
func (s *Scanner) judge(k *check, name string) error {
	c, err := s.Peek()
	if err != nil {
		return err
	}
	v, ok, err := s.short()
	if err != nil {
		return err
	}
	if !ok {
		v = []byte{c}
	}
	k.member(name, v)
	return nil
}

// bare reads a list that is all of the document. One with nothing in it might be
// anybody's answer.
func (s *Scanner) bare(k *check, read func() error) error {
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
	l := k.end().(*Lack)
	l.Words = "[]"
	return l
}

// Array reads an array element by element. fn must not keep the element.
func (s *Scanner) Array(fn func(v []byte, cut bool) error) error {
	return s.Elements(func() error {
		v, cut, err := s.element()
		if err != nil {
			return err
		}
		if !bytes.Equal(v, []byte("null")) && !bytes.Equal(v, []byte("{}")) {
			s.elements++
		}
		return fn(v, cut)
	})
}

// Elements reads an array. read must read each of its elements, by [Scanner.Unread],
// [Scanner.Advance] and [Scanner.More].
func (s *Scanner) Elements(read func() error) error { return s.sequence('[', ']', read) }

// element reads an element of a list. cut says that it is too large, and what is
// left of it.
func (s *Scanner) element() (v []byte, cut bool, err error) {
	v, err = s.checked()
	if errors.Is(err, ErrTooLarge) && s.buf[s.pos] == '{' {
		v, err = s.pruned()
		return v, true, err
	}
	return v, false, err
}

// ReadAll reads all of r, of which size bytes are expected.
func ReadAll(r io.Reader, size int, room *Room) ([]byte, error) {
	s := New(r, size, room)
	for s.fill() {
	}
	if err := s.why(); err != io.EOF {
		return nil, err
	}
	return s.buf[:s.end:s.end], nil
}

// ErrCutShort says that a document ends too early.
var ErrCutShort = fmt.Errorf("the response is cut short: %w", io.ErrUnexpectedEOF)

// Beside takes what stands beside a list. Begin is called before each reading of
// the document, of which there may be several, Member for each member.
type Beside struct {
	Begin  func()
	Member func(r *Room, name string, v []byte) error
}
