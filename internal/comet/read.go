package comet

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// A read is an endpoint that is read: what its answer must have, and what
// servers call the thing that it is about when they say that there is none.
type read struct {
	path  string
	wants scan.Wants
	about []string
}

// call returns the call of a read with a query.
func (r read) call(query url.Values) *call {
	return &call{method: http.MethodGet, path: r.path, query: query, wants: r.wants, about: r.about}
}

// of puts an id in the place that the path has for it.
func (r read) of(id string) read {
	r.path = strings.Replace(r.path, "{id}", url.PathEscape(id), 1)
	return r
}
