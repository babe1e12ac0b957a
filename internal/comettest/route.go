package comettest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// authKind says where a call carries its API key.
type authKind int

const (
	authHeader authKind = iota // Authorization or Comet-Sdk-Api
	authBody                   // field apiKey or api_key of the JSON body, or header
	authQuery                  // parameter apiKey, or header
	authNone
)

// family says below which paths a call is mounted.
type family int

const (
	rest      family = iota // api/rest/v2/ and clientlib/rest/v2/
	clientlib               // clientlib/
	root                    // the root itself
)

// route is one call of the API.
type route struct {
	method string
	family family
	path   string // segments in braces match any segment
	auth   authKind
	since  version // oldest server that has it
	handle func(*call) error
	// handshake answers a bad key with the status 400 that SDKs expect there.
	handshake bool
	// python takes the bare NaN and Infinity that a client writes into JSON there.
	python bool
	// stream leaves the body to the handler.
	stream bool
}

// routeTable finds the route of a request. Paths are relative to the prefix
// and begin with a slash.
type routeTable struct {
	exact    map[string][]*boundRoute // by path
	patterns []*boundRoute
}

type boundRoute struct {
	*route
	full     string // path from the root of the instance
	segments []string
}

func (b *boundRoute) endpoint() string { return b.method + " " + b.full }

func newRoutes() *routeTable {
	t := &routeTable{exact: make(map[string][]*boundRoute)}
	groups := [][]route{
		accountRoutes(), projectRoutes(), experimentRoutes(), dataRoutes(), metricRoutes(),
		assetRoutes(), lifecycleRoutes(), valueRoutes(), textRoutes(), originRoutes(), clientlibRoutes(),
		uploadRoutes(), queryRoutes(), modelRoutes(), optimizerRoutes(),
		registryRoutes(), artifactRoutes(), panelRoutes(),
	}
	for _, group := range groups {
		for i := range group {
			t.add(&group[i])
		}
	}
	return t
}

func (t *routeTable) add(r *route) {
	bases := map[family][]string{
		rest: {"/api/rest/v2/", "/clientlib/rest/v2/"}, clientlib: {"/clientlib/"}, root: {"/"},
	}[r.family]
	for _, base := range bases {
		b := &boundRoute{route: r, full: base + r.path}
		if strings.Contains(r.path, "{") {
			b.segments = strings.Split(b.full, "/")
			t.patterns = append(t.patterns, b)
		} else {
			t.exact[b.full] = append(t.exact[b.full], b)
		}
	}
}

// find returns the route of method and path and the values of its segments in
// braces. known tells whether the path exists for another method.
func (t *routeTable) find(method, path string) (found *boundRoute, params map[string]string, known bool) {
	for _, b := range t.exact[path] {
		known = true
		if b.method == method {
			return b, nil, true
		}
	}
	segments := strings.Split(path, "/")
	for _, b := range t.patterns {
		params, ok := b.match(segments)
		if !ok {
			continue
		}
		known = true
		if b.method == method {
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

// serveAPI answers the calls of the API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, w: w, r: r, moods: s.moods.Load()}
	path, ok := strings.CutPrefix(r.URL.Path, s.opts.Prefix)
	if !ok || !strings.HasPrefix(path, "/") {
		c.fail(refusal.NotFound("no instance at %q", r.URL.Path))
		return
	}
	b, params, known := s.routes.find(r.Method, path)
	switch {
	case c.moods.LacksPath(path):
		c.fail(refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found"))
	case b == nil && known:
		c.fail(refusal.New(http.StatusMethodNotAllowed, 0, "method %s is not allowed for %s", r.Method, path))
	case b == nil || !c.moods.AllCalls && c.version().less(b.since) || slices.Contains(c.moods.Lacks, b.path):
		c.fail(refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found: %s %s", r.Method, path))
	default:
		c.params = params
		c.serve(b)
	}
}

// Route is a call that a server knows.
type Route struct {
	Method string
	// Path is from the root of the instance; segments in braces match any.
	Path string
}

// Routes returns the calls that the server knows, sorted by path.
func (s *Server) Routes() []Route {
	var list []Route
	for _, bound := range s.routes.exact {
		for _, b := range bound {
			list = append(list, Route{b.method, b.full})
		}
	}
	for _, b := range s.routes.patterns {
		list = append(list, Route{b.method, b.full})
	}
	slices.SortFunc(list, func(a, b Route) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return list
}

// version is a server version of three numbers.
type version [3]int

func parseVersion(text string) (v version, err error) {
	_, err = fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2])
	return v, err
}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}
