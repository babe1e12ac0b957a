package comet

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// wholeZip returns an error for what is not a zip file, or not all of one.
func wholeZip(data []byte) error {
	if !endsZip(data) {
		return scan.ErrCutShort
	}
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, f := range zr.File {
		rc, err := f.Open()
		if err == nil {
			_, err = io.Copy(io.Discard, unpack.Bounded(rc, int64(len(data))))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// endsZip reports whether a text ends as a zip file does: with its last record,
// and a comment of the length that this announces.
func endsZip(data []byte) bool {
	const length = 22
	i := bytes.LastIndex(data, []byte("PK\x05\x06"))
	return i >= 0 && len(data) >= i+length && len(data) == i+length+int(binary.LittleEndian.Uint16(data[i+length-2:]))
}

// endOfZip makes it an error that a zip file does not end as one does.
type endOfZip struct {
	r    io.Reader
	tail []byte
}

func (z *endOfZip) Read(p []byte) (int, error) {
	const most = 66 << 10 // the record and the longest comment
	n, err := z.r.Read(p)
	z.tail = append(z.tail, p[:n]...)
	z.tail = z.tail[max(0, len(z.tail)-most):]
	if err == io.EOF && !endsZip(z.tail) {
		err = scan.ErrCutShort
	}
	return n, err
}

var errNotZip = errors.New("the response is not a zip file")
