package api

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Content is something to be written that may be too long for memory.
type Content struct {
	// Size is its length in bytes.
	Size int64
	// Open returns it from its start, as often as it is asked and always the
	// same. An error of the reader ends the call before the server has taken
	// anything, and is returned as it is. Close must end a Read that waits; when
	// the call returns, all readers are closed.
	Open func() (io.ReadCloser, error)
}

// TextContent returns a content that is in memory.
func TextContent(s string) Content {
	return Content{int64(len(s)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }}
}

// bodyWith returns an object as a body with one more member: a text that is
// read while it is sent. To know its length as JSON it is read once before.
func bodyWith(o *wire.Object, name string, text Content) (*Payload, error) {
	head := o.Upto(name) + `"`
	const tail = `"}`
	var n counter
	if err := CopyTo(&n, text, escaped); err != nil {
		return nil, err
	}
	b := JSONBody(nil)
	b.size = int64(len(head)+len(tail)) + int64(n)
	b.open = func() (io.ReadCloser, error) {
		rc, err := text.Open()
		if err != nil {
			return nil, err
		}
		return &joined{io.MultiReader(strings.NewReader(head), &exactly{r: escaped(rc), left: int64(n)}, strings.NewReader(tail)), rc}, nil
	}
	return b, nil
}

// CopyTo copies what becomes of a content.
func CopyTo(w io.Writer, c Content, becomes func(io.Reader) io.Reader) error {
	rc, err := c.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	_, err = io.Copy(w, becomes(rc))
	return err
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// escaped returns a text as it is between the quotes of a JSON string.
func escaped(r io.Reader) io.Reader { return &runes{r: r, add: wire.AppendEscaped[[]byte]} }

// ValidText returns a text with each byte that is not UTF-8 replaced by U+FFFD,
// as in every text that this package sends. If invalid is not nil, it counts
// those bytes.
func ValidText(r io.Reader, invalid *int64) io.Reader {
	return &runes{r: r, add: func(dst, text []byte) []byte {
		if utf8.Valid(text) {
			return append(dst, text...)
		}
		for len(text) > 0 {
			c, size := utf8.DecodeRune(text)
			if c == utf8.RuneError && size == 1 && invalid != nil {
				*invalid++
			}
			dst = utf8.AppendRune(dst, c)
			text = text[size:]
		}
		return dst
	}}
}

// runes reads a text and gives what add makes of it. Each piece that add is
// given holds whole characters.
type runes struct {
	r    io.Reader
	add  func(dst, text []byte) []byte
	in   []byte // the beginning of a character, with room for more
	out  []byte // not yet given
	room []byte // of out
	err  error
}

// runesRoom is how much is read at a time.
const runesRoom = 32 << 10

// Read implements [io.Reader].
func (t *runes) Read(p []byte) (int, error) {
	for len(t.out) == 0 && t.err == nil {
		t.fill()
	}
	if len(t.out) == 0 {
		return 0, t.err
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

func (t *runes) fill() {
	if t.in == nil {
		t.in = make([]byte, 0, runesRoom)
	}
	n, err := t.r.Read(t.in[len(t.in):runesRoom])
	t.in, t.err = t.in[:len(t.in)+n], err
	whole := len(t.in)
	if err == nil {
		whole -= begunRune(t.in)
	}
	t.room = t.add(t.room[:0], t.in[:whole])
	t.out = t.room
	t.in = t.in[:copy(t.in, t.in[whole:])]
}

// begunRune returns how many bytes at the end of b are the beginning of a
// character.
func begunRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(b[len(b)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// ReadWritten returns a reader of what write writes. Close ends the writing and
// waits for it.
func ReadWritten(write func(io.Writer) error) io.ReadCloser {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(write(pw))
	}()
	return &pipeReader{pr, done}
}

type pipeReader struct {
	*io.PipeReader
	done chan struct{}
}

func (p *pipeReader) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}
