package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// A Read is an endpoint that is read: what its answer must have, and what
// servers call the thing that it is about when they say that there is none.
type Read struct {
	Path  string
	Wants scan.Wants
	About []string
}

// NewRead returns the read of a path.
func NewRead(path string, wants scan.Wants, about ...string) Read {
	return Read{Path: path, Wants: wants, About: about}
}

// Call returns the call of a read with a query.
func (r Read) Call(query url.Values) *Call {
	return &Call{Method: http.MethodGet, Path: r.Path, Query: query, Wants: r.Wants, About: r.About}
}

// Of puts an id in the place that the path has for it.
func (r Read) Of(id string) Read {
	r.Path = strings.Replace(r.Path, "{id}", url.PathEscape(id), 1)
	return r
}
