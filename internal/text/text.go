// Package text reads text files as people have them: lists and settings that
// came from an editor, a spreadsheet or another system.
package text

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// NewReader returns a reader of the text of r in UTF-8, without a byte order
// mark. The text may be in UTF-8, or in UTF-16 if it has a byte order mark or
// begins with an ASCII character; half a character becomes U+FFFD.
func NewReader(r io.Reader) io.Reader { return &reader{src: bufio.NewReader(r)} }

type reader struct {
	src   *bufio.Reader
	begun bool
	order binary.ByteOrder // of UTF-16; nil for UTF-8
	text  []byte           // decoded, and not read yet
	err   error            // what comes after it
}

func (r *reader) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		r.begin()
	}
	if r.order == nil {
		return r.src.Read(p)
	}
	for len(r.text) < len(p) && r.err == nil {
		r.decode()
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}

// begin finds out what the text is written in. An error comes again with the
// first read.
func (r *reader) begin() {
	head, _ := r.src.Peek(3)
	mark := 2
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		mark = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		r.order = binary.LittleEndian
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		r.order = binary.BigEndian
	case len(head) > 1 && head[0] != 0 && head[1] == 0:
		r.order, mark = binary.LittleEndian, 0
	case len(head) > 1 && head[0] == 0 && head[1] != 0:
		r.order, mark = binary.BigEndian, 0
	default:
		mark = 0
	}
	_, _ = r.src.Discard(mark) // of what Peek has shown
}

// decode appends one character, or the error that comes in its place.
func (r *reader) decode() {
	c := r.unit()
	if r.err != nil {
		return
	}
	if utf16.IsSurrogate(c) {
		if next, err := r.src.Peek(2); err == nil {
			if both := utf16.DecodeRune(c, rune(r.order.Uint16(next))); both != utf8.RuneError {
				_, _ = r.src.Discard(2)
				c = both
			}
		}
	}
	r.text = utf8.AppendRune(r.text, c)
}

// unit reads one unit of UTF-16.
func (r *reader) unit() rune {
	var unit [2]byte
	_, err := io.ReadFull(r.src, unit[:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return utf8.RuneError
	}
	r.err = err
	return rune(r.order.Uint16(unit[:]))
}

// ScanLines is a split function for a [bufio.Scanner]: lines without their ends,
// which are a line feed, a carriage return or both.
func ScanLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0 || data[i] == '\r' && i+1 == len(data) && !atEOF:
		return 0, nil, nil
	case data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	}
	return i + 1, data[:i], nil
}
