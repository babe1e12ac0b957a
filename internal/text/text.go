// Package text reads text files as people have them: lists and settings that
// came from an editor, a spreadsheet or another system.
package text

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// NewReader returns a reader of the text of r in UTF-8, without a byte order
// mark. The text may be in UTF-8, or in UTF-16 if it has a byte order mark or
// begins with an ASCII character; half a character becomes U+FFFD.
func NewReader(r io.Reader) io.Reader { return &reader{src: bufio.NewReader(r)} }

type reader struct {
	src  *bufio.Reader
	text io.Reader // src in UTF-8, nil before the first reading
}

func (r *reader) Read(p []byte) (int, error) {
	if r.text == nil {
		r.text = decoded(r.src)
	}
	return r.text.Read(p)
}

// decoded finds out what a text is written in. An error comes again with the first
// read.
func decoded(src *bufio.Reader) io.Reader {
	head, _ := src.Peek(3)
	order := unicode.LittleEndian
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = src.Discard(3) // of what Peek has shown
		return src
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")): // the mark says which
	case len(head) > 1 && head[0] != 0 && head[1] == 0:
	case len(head) > 1 && head[0] == 0 && head[1] != 0:
		order = unicode.BigEndian
	default:
		return src
	}
	return unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(src)
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
