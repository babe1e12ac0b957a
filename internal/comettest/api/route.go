package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Auth says where a call carries its API key.
type Auth int

// The places of an API key.
const (
	AuthHeader Auth = iota // Authorization or Comet-Sdk-Api
	AuthBody               // field apiKey or api_key of the JSON body, or header
	AuthQuery              // parameter apiKey, or header
	AuthNone
)

// Family says below which paths a call is mounted.
type Family int

// The families of calls.
const (
	REST      Family = iota // api/rest/v2/ and clientlib/rest/v2/
	Clientlib               // clientlib/
	Root                    // the root itself
)

// Route is one call of the API.
type Route struct {
	Method string
	Family Family
	Path   string // segments in braces match any segment
	Auth   Auth
	Since  Version // oldest server that has it
	Handle func(*Call) error
	// Handshake answers a bad key with the status 400 that SDKs expect there.
	Handshake bool
	// Python takes the bare NaN and Infinity that a client writes into JSON there.
	Python bool
	// Stream leaves the body to the handler.
	Stream bool
}

// Handler answers the calls of the API.
type Handler struct {
	in       *Instance
	exact    map[string][]*boundRoute // by path
	patterns []*boundRoute
}

type boundRoute struct {
	*Route
	full     string // path from the root of the instance
	segments []string
}

// New returns a handler of the calls of some areas.
func New(in *Instance, areas ...[]Route) *Handler {
	h := &Handler{in: in, exact: make(map[string][]*boundRoute)}
	for _, area := range areas {
		for i := range area {
			h.add(&area[i])
		}
	}
	return h
}

func (h *Handler) add(r *Route) {
	bases := map[Family][]string{
		REST: {"/api/rest/v2/", "/clientlib/rest/v2/"}, Clientlib: {"/clientlib/"}, Root: {"/"},
	}[r.Family]
	for _, base := range bases {
		b := &boundRoute{Route: r, full: base + r.Path}
		if strings.Contains(r.Path, "{") {
			b.segments = strings.Split(b.full, "/")
			h.patterns = append(h.patterns, b)
		} else {
			h.exact[b.full] = append(h.exact[b.full], b)
		}
	}
}

// find returns the route of method and path and the values of its segments in
// braces. known tells whether the path exists for another method.
func (h *Handler) find(method, path string) (found *boundRoute, params map[string]string, known bool) {
	for _, b := range h.exact[path] {
		known = true
		if b.Method == method {
			return b, nil, true
		}
	}
	segments := strings.Split(path, "/")
	for _, b := range h.patterns {
		params, ok := b.match(segments)
		if !ok {
			continue
		}
		known = true
		if b.Method == method {
			return b, params, true
		}
	}
	return nil, nil, known
}

func (b *boundRoute) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(b.segments) {
		return nil, false
	}
	params := make(map[string]string)
	for i, want := range b.segments {
		if strings.HasPrefix(want, "{") {
			params[strings.Trim(want, "{}")] = segments[i]
		} else if want != segments[i] {
			return nil, false
		}
	}
	return params, true
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := NewCall(h.in, w, r)
	path, ok := strings.CutPrefix(r.URL.Path, h.in.Prefix)
	if !ok || !strings.HasPrefix(path, "/") {
		c.fail(refusal.NotFound("no instance at %q", r.URL.Path))
		return
	}
	b, params, known := h.find(r.Method, path)
	switch {
	case c.Moods.LacksPath(path):
		c.fail(refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found"))
	case b == nil && known:
		c.fail(refusal.New(http.StatusMethodNotAllowed, 0, "method %s is not allowed for %s", r.Method, path))
	case b == nil || !c.Moods.AllCalls && c.Version().Less(b.Since) || slices.Contains(c.Moods.Lacks, b.Path):
		c.fail(refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found: %s %s", r.Method, path))
	default:
		c.Params = params
		c.serve(b)
	}
}

// Endpoint is a call that a server knows.
type Endpoint struct {
	Method string
	// Path is from the root of the instance; segments in braces match any.
	Path string
}

func (e Endpoint) String() string { return e.Method + " " + e.Path }

// Endpoint returns the call of a request, and whether there is one.
func (h *Handler) Endpoint(r *http.Request) (Endpoint, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, h.in.Prefix)
	b, _, _ := h.find(r.Method, path)
	if b == nil || !ok {
		return Endpoint{}, false
	}
	return Endpoint{b.Method, b.full}, true
}

// Endpoints are all calls that the server knows, sorted by path.
func (h *Handler) Endpoints() []Endpoint {
	var list []Endpoint
	for _, bound := range append(slices.Collect(maps.Values(h.exact)), h.patterns) {
		for _, b := range bound {
			list = append(list, Endpoint{b.Method, b.full})
		}
	}
	slices.SortFunc(list, func(a, b Endpoint) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return list
}

// In returns what handles a call in its area of the API, which has a type of its own.
func In[A ~struct{ *Call }](handle func(A) error) func(*Call) error {
	return func(c *Call) error { return handle(A{c}) }
}

// JSON is In for a call whose body is a JSON document of type T.
func JSON[A ~struct{ *Call }, T any](handle func(A, *T) error) func(*Call) error {
	return func(c *Call) error {
		var req T
		if err := c.Decode(&req); err != nil {
			return err
		}
		return handle(A{c}, &req)
	}
}
