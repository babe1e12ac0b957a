package comettest

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// optimizerRoutes are those of the service for hyper-parameter search, which is
// no part of this server: it says so to who asks for a search, and that there is
// no more work to who has one.
func optimizerRoutes() []route {
	at := func(method, path string, handle func(*call) error) route {
		return route{method: method, family: root, path: "optimizer/" + path, auth: authNone, stream: true,
			handle: func(c *call) error {
				if c.key = c.s.lookupKey(c.r.Header.Get("X-API-KEY")); c.key == nil {
					return refusal.New(http.StatusUnauthorized, refusal.CodeBadKey, "API key is not registered")
				}
				return handle(c)
			}}
	}
	return []route{
		at("GET", "next", in(accountCall.noMoreWork)),
		at("GET", "spec", in(accountCall.noSuchSearch)),
		at("GET", "status", in(accountCall.noSuchSearch)),
		at("GET", "algorithms", func(c *call) error { return c.send(map[string]any{}) }),
		at("POST", "update", in(accountCall.noSuchSearch)),
		at("POST", "insert", in(accountCall.noSuchSearch)),
	}
}

func (c accountCall) noMoreWork() error {
	return c.send(map[string]any{"code": http.StatusNotFound, "message": "no more work"})
}

func (c accountCall) noSuchSearch() error {
	return c.send(map[string]any{"code": http.StatusNotFound, "message": "this server has no hyper-parameter search"})
}
