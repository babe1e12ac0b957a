package api

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// Form is a multipart body around one file, written around the stream of its
// bytes: nothing is buffered, and the length is known beforehand.
type Form struct {
	File     func() (io.ReadCloser, error) // nil for a link
	Size     int64
	Link     string
	Metadata []byte // nil: left out
}

// Body lays the form out as the Python SDK does: the file or link first, both
// as file parts, then the metadata as a plain field, none with a content type.
func (f *Form) Body() *Payload {
	boundary := rand.Text()
	var head, tail bytes.Buffer
	name := "file"
	if f.File == nil {
		name = "link"
	}
	fmt.Fprintf(&head, "--%s\r\nContent-Disposition: form-data; name=%q; filename=%q\r\n\r\n", boundary, name, name)
	if f.File == nil {
		head.WriteString(f.Link)
	}
	if f.Metadata != nil {
		fmt.Fprintf(&tail, "\r\n--%s\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n%s", boundary, f.Metadata)
	}
	fmt.Fprintf(&tail, "\r\n--%s--\r\n", boundary)
	size := int64(head.Len() + tail.Len())
	if f.File != nil {
		size += f.Size
	}
	return &Payload{
		contentType: "multipart/form-data; boundary=" + boundary,
		size:        size,
		open: func() (io.ReadCloser, error) {
			if f.File == nil {
				return io.NopCloser(io.MultiReader(bytes.NewReader(head.Bytes()), bytes.NewReader(tail.Bytes()))), nil
			}
			rc, err := f.File()
			if err != nil {
				return nil, err
			}
			exact := &exactly{r: rc, left: f.Size}
			return &joined{io.MultiReader(bytes.NewReader(head.Bytes()), exact, bytes.NewReader(tail.Bytes())), rc}, nil
		},
	}
}

type joined struct {
	io.Reader
	io.Closer
}

// exactly reads a file that must have the announced length: a shorter or
// longer one would move what follows.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return 0, errors.New("the file is longer than announced")
	case err == io.EOF && e.left > 0:
		return n, fmt.Errorf("the file is %d bytes shorter than announced: %w", e.left, io.ErrUnexpectedEOF)
	}
	return n, err
}
