package projects

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
)

// optimizerRoutes are those of the service for hyper-parameter search, which is
// no part of this server: it says so to who asks for a search, and that there is
// no more work to who has one.
func optimizerRoutes() []api.Route {
	at := func(method, path string, handle func(*api.Call) error) api.Route {
		return api.Route{Method: method, Family: api.Root, Path: "optimizer/" + path, Auth: api.AuthNone, Stream: true,
			Handle: func(c *api.Call) error {
				if c.Key = c.LookupKey(c.Request.Header.Get("X-API-KEY")); c.Key == nil {
					return api.BadKey(http.StatusUnauthorized)
				}
				return handle(c)
			}}
	}
	return []api.Route{
		at("GET", "next", api.In(accountCall.noMoreWork)),
		at("GET", "spec", api.In(accountCall.noSuchSearch)),
		at("GET", "status", api.In(accountCall.noSuchSearch)),
		at("GET", "algorithms", func(c *api.Call) error { return c.Send(map[string]any{}) }),
		at("POST", "update", api.In(accountCall.noSuchSearch)),
		at("POST", "insert", api.In(accountCall.noSuchSearch)),
	}
}

func (c accountCall) noMoreWork() error {
	return c.Send(map[string]any{"code": http.StatusNotFound, "message": "no more work"})
}

func (c accountCall) noSuchSearch() error {
	return c.Send(map[string]any{"code": http.StatusNotFound, "message": "this server has no hyper-parameter search"})
}
