package content

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/report"
)

// Sum stands for a content: its size and the SHA-256 of it.
type Sum struct {
	Size   int64
	SHA256 string
}

// SumOfText returns the sum of a text.
func SumOfText(text string) Sum {
	h := sha256.Sum256([]byte(text))
	return Sum{int64(len(text)), hex.EncodeToString(h[:])}
}

// SumOf reads a content to its end. One that is absent is empty.
func SumOf(open func() (io.ReadCloser, error)) (Sum, error) {
	h := sha256.New()
	rc, err := open()
	switch {
	case err == nil:
	case answer.Absent(err):
		return SumOfText(""), nil
	default:
		return Sum{}, err
	}
	defer rc.Close()
	n, err := io.CopyBuffer(h, onlyReader{rc}, make([]byte, 64<<10))
	return Sum{n, hex.EncodeToString(h.Sum(nil))}, err
}

type onlyReader struct{ io.Reader }

// A Text is a text on its way to the destination, which is read again each time
// it is wanted.
type Text struct {
	Sum
	Open func() (io.ReadCloser, error)
}

// Content returns the text as a request takes it.
func (t Text) Content() comet.Content { return comet.Content{Size: t.Size, Open: t.Open} }

// Becomes returns what change makes of the text. It must make the same each
// time.
func (t Text) Becomes(change func(io.Reader) io.Reader) (Text, error) {
	open := func() (io.ReadCloser, error) {
		rc, err := t.Open()
		if err != nil {
			return nil, err
		}
		return &changed{change(rc), rc}, nil
	}
	s, err := SumOf(open)
	return Text{s, open}, err
}

// changed closes what is beneath a reader of it.
type changed struct {
	io.Reader
	io.Closer
}

// utf8 returns the text without the bytes that no request can carry, and how
// many have been replaced.
func (t Text) utf8() (Text, int64, error) {
	var invalid int64
	rc, err := t.Open()
	if err != nil {
		return t, 0, err
	}
	defer rc.Close()
	if _, err := io.Copy(io.Discard, comet.ValidText(rc, &invalid)); err != nil || invalid == 0 {
		return t, 0, err
	}
	valid, err := t.Becomes(func(r io.Reader) io.Reader { return comet.ValidText(r, nil) })
	return valid, invalid, err
}

// AsUTF8 returns the text without the bytes that no request can carry, and tells
// what is not carried as it is.
func AsUTF8(l *report.Ledger, t Text, i report.Issue) (Text, error) {
	t, invalid, err := t.utf8()
	if invalid > 0 {
		i.Reason = fmt.Sprintf("%d of its bytes are not UTF-8, and are U+FFFD at the destination", invalid)
		l.Issue(i)
	}
	return t, err
}
