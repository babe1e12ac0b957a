package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// NotUnicode is called for each answer that has text which is not Unicode, by the path
// of the call and its query. Several goroutines may call it.
type NotUnicode func(path string, query url.Values)

type notUnicodeKey struct{}

// WithNotUnicode returns a context whose calls tell f. Without it nobody learns of it.
func WithNotUnicode(ctx context.Context, f NotUnicode) context.Context {
	return context.WithValue(ctx, notUnicodeKey{}, f)
}

func noteNotUnicode(req *http.Request, cl *Call) {
	if f, ok := req.Context().Value(notUnicodeKey{}).(NotUnicode); ok && !cl.write() {
		f(cl.Path, cl.Query)
	}
}

// unicodeBody is a body of JSON that has nothing but Unicode.
type unicodeBody struct {
	io.Reader
	io.Closer
}
