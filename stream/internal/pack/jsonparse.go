package pack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDocDepth is the deepest nesting of a document: it is nested at least in the
// array and the body of a record.
const MaxDocDepth = MaxDepth - 2

// A jsonParser turns JSON text into the msgpack of a Doc.
type jsonParser struct {
	in      string // a string, so that numbers go to strconv without a copy
	i       int
	out     *Packer
	members []member // of the objects that are open
	scratch []byte
}

// A member is one member of an object in jsonParser.out, by its indexes there.
type member struct{ start, key, keyEnd, end int }

// parsers keeps the buffers of parsers for the next document.
var parsers = sync.Pool{New: func() any { return &jsonParser{out: newPacker()} }}

// ParseJSON returns the msgpack of a JSON text.
func ParseJSON(text []byte) ([]byte, error) {
	p := parsers.Get().(*jsonParser)
	defer parsers.Put(p)
	p.in, p.i, p.out.b, p.members = string(text), 0, p.out.b[:0], p.members[:0]
	err := p.document()
	p.in = ""
	if cap(p.out.b) > 1<<20 {
		defer func() { p.out.b, p.scratch = nil, nil }() // room for one large document is not kept
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(p.out.b), nil
}

func (p *jsonParser) document() error {
	if err := p.value(0); err != nil {
		return err
	}
	if p.space(); p.i < len(p.in) {
		return p.wrong("after the value")
	}
	return nil
}

func (p *jsonParser) wrong(where string) error {
	if p.i >= len(p.in) {
		return fmt.Errorf("JSON ends too early")
	}
	return fmt.Errorf("JSON: %q at byte %d %s", p.in[p.i], p.i, where)
}

func (p *jsonParser) space() {
	for p.i < len(p.in) {
		switch p.in[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

// next steps over space and returns the byte that follows, 0 at the end.
func (p *jsonParser) next() byte {
	p.space()
	if p.i < len(p.in) {
		return p.in[p.i]
	}
	return 0
}

func (p *jsonParser) value(depth int) error {
	switch c := p.next(); c {
	case '{':
		return p.object(depth + 1)
	case '[':
		return p.array(depth + 1)
	case '"':
		return p.str()
	case 't', 'f', 'n':
		return p.word()
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return p.number()
		}
	}
	return p.wrong("where a value belongs")
}

// word reads one of the three values that are words.
func (p *jsonParser) word() error {
	switch rest := p.in[p.i:]; {
	case strings.HasPrefix(rest, "true"):
		p.i += len("true")
		p.out.Bool(true)
	case strings.HasPrefix(rest, "false"):
		p.i += len("false")
		p.out.Bool(false)
	case strings.HasPrefix(rest, "null"):
		p.i += len("null")
		p.out.Null()
	default:
		return p.wrong("where a value belongs")
	}
	return nil
}

func (p *jsonParser) array(depth int) error {
	if depth > MaxDocDepth {
		return ErrDocTooDeep
	}
	p.i++
	head := len(p.out.b)
	p.out.ArrayLen(0)
	if p.next() == ']' {
		p.i++
		return nil
	}
	for n := 1; ; n++ {
		if err := p.value(depth); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			p.setHead(head, n, p.out.ArrayLen)
			return nil
		default:
			return p.wrong("in an array")
		}
	}
}

// ErrDocTooDeep refuses a document that no record could hold.
var ErrDocTooDeep = TooLarge("document nested deeper than %d levels", MaxDocDepth)

// setHead gives the array or map at start, which was begun as an empty one, the
// length that it has come to. The new head is packed at the end and then moved.
func (p *jsonParser) setHead(start, n int, packLen func(n int)) {
	end := len(p.out.b)
	packLen(n)
	p.scratch = append(p.scratch[:0], p.out.b[end:]...)
	p.out.b = slices.Replace(p.out.b[:end], start, start+1, p.scratch...)
}

func (p *jsonParser) object(depth int) error {
	if depth > MaxDocDepth {
		return ErrDocTooDeep
	}
	p.i++
	head, first := len(p.out.b), len(p.members)
	p.out.MapLen(0)
	if p.next() == '}' {
		p.i++
		return nil
	}
	for {
		if p.next() != '"' {
			return p.wrong("where a name belongs")
		}
		m := member{start: len(p.out.b)}
		if err := p.str(); err != nil {
			return err
		}
		_, size := LengthOf(p.out.b, m.start)
		m.key, m.keyEnd = m.start+size, len(p.out.b)
		if p.next() != ':' {
			return p.wrong("after a name")
		}
		p.i++
		if err := p.value(depth); err != nil {
			return err
		}
		m.end = len(p.out.b)
		p.members = append(p.members, m)
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			n := p.order(p.members[first:], head+1)
			p.members = p.members[:first]
			p.setHead(head, n, p.out.MapLen)
			return nil
		default:
			return p.wrong("in an object")
		}
	}
}

// order brings the members of an object, which begin at start in out, in the
// order of their names, drops all but the last of a name, and returns how many
// are left.
func (p *jsonParser) order(members []member, start int) int {
	compare := func(a, b member) int {
		return bytes.Compare(p.out.b[a.key:a.keyEnd], p.out.b[b.key:b.keyEnd])
	}
	ascending := true
	for i := 1; i < len(members) && ascending; i++ {
		ascending = compare(members[i-1], members[i]) < 0
	}
	if ascending {
		return len(members)
	}
	slices.SortStableFunc(members, compare)
	sorted, n := p.scratch[:0], 0
	for i, m := range members {
		if i+1 < len(members) && compare(m, members[i+1]) == 0 {
			continue
		}
		sorted = append(sorted, p.out.b[m.start:m.end]...)
		n++
	}
	p.out.b = append(p.out.b[:start], sorted...)
	p.scratch = sorted
	return n
}

// str reads a string. The most common one has no escapes and goes over in one
// piece.
func (p *jsonParser) str() error {
	p.i++
	start := p.i
	for p.i < len(p.in) {
		switch c := p.in[p.i]; {
		case c == '"':
			text := p.in[start:p.i]
			p.i++
			p.text(text)
			return nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return p.wrong("in a string")
		}
		p.i++
	}
	return p.wrong("")
}

// text packs a string. Each wrong byte becomes U+FFFD, as in encoding/json.
func (p *jsonParser) text(s string) {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	p.out.Str(s)
}

// escaped reads the string that begins at start and has its first escape at i.
func (p *jsonParser) escaped(start int) error {
	text := append(p.scratch[:0], p.in[start:p.i]...)
	for p.i < len(p.in) {
		switch c := p.in[p.i]; {
		case c == '"':
			p.i++
			p.text(string(text))
			p.scratch = text
			return nil
		case c == '\\':
			var err error
			if text, err = p.escape(text); err != nil {
				return err
			}
		case c < ' ':
			return p.wrong("in a string")
		default:
			text = append(text, c)
			p.i++
		}
	}
	return p.wrong("")
}

// escape appends what the escape at i stands for.
func (p *jsonParser) escape(text []byte) ([]byte, error) {
	p.i++
	if p.i >= len(p.in) {
		return text, p.wrong("")
	}
	c := p.in[p.i]
	if c == 'u' {
		r, ok := p.hex(p.i + 1)
		if !ok {
			return text, p.wrong("in an escape")
		}
		p.i += 5
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if p.i+1 < len(p.in) && p.in[p.i] == '\\' && p.in[p.i+1] == 'u' {
				low, ok = p.hex(p.i + 2)
			}
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				p.i += 6
			}
		}
		return utf8.AppendRune(text, r), nil
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return text, p.wrong("in an escape")
	}
	p.i++
	return append(text, "\"\\/\b\f\n\r\t"[at]), nil
}

// hex reads four hex digits at i.
func (p *jsonParser) hex(i int) (rune, bool) {
	if i+4 > len(p.in) {
		return 0, false
	}
	r := rune(0)
	for _, c := range []byte(p.in[i : i+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number. One that neither an integer nor a float64 of msgpack
// gives back to the letter goes over as its text.
func (p *jsonParser) number() error {
	n := numberLen(p.in[p.i:])
	if n == 0 {
		p.i++
		return p.wrong("in a number")
	}
	text := p.in[p.i : p.i+n]
	p.i += n
	if i, ok := CanonicalInt(text); ok {
		p.out.Int(i)
	} else if u, ok := canonicalUint(text); ok {
		p.out.Uint(u)
	} else if f, ok := CanonicalFloat(text); ok && text != "-0" {
		p.out.Float(f)
	} else {
		p.out.Literal(text)
	}
	return nil
}
