package comettest

import "net/http"

// optimizerRoutes are those of the service for hyper-parameter search, which is
// no part of this server: it says so to who asks for a search, and that there is
// no more work to who has one.
func (s *Server) optimizerRoutes() []route {
	at := func(method, path string, handle func(*call) error) route {
		return route{method: method, family: root, path: "optimizer/" + path, auth: authNone, stream: true,
			handle: func(c *call) error {
				if c.key = s.lookupKey(c.r.Header.Get("X-API-KEY")); c.key == nil {
					return sdkError(http.StatusUnauthorized, codeBadKey, "API key is not registered")
				}
				return handle(c)
			}}
	}
	return []route{
		at("GET", "next", (*call).noMoreWork),
		at("GET", "spec", (*call).noSuchSearch),
		at("GET", "status", (*call).noSuchSearch),
		at("GET", "algorithms", func(c *call) error { return c.send(map[string]any{}) }),
		at("POST", "update", (*call).noSuchSearch),
		at("POST", "insert", (*call).noSuchSearch),
	}
}

func (c *call) noMoreWork() error {
	return c.send(map[string]any{"code": http.StatusNotFound, "message": "no more work"})
}

func (c *call) noSuchSearch() error {
	return c.send(map[string]any{"code": http.StatusNotFound, "message": "this server has no hyper-parameter search"})
}
