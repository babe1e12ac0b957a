package cli

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/pathname"
)

// pathOf returns an argument as a path: itself, or what the page of the web
// interface shows whose address it is. openServer checks that the pages are those
// of the server.
func (c *command) pathOf(arg string) (string, error) {
	lower := strings.ToLower(arg)
	if !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") {
		return arg, nil
	}
	page, err := url.Parse(arg)
	if err != nil {
		return "", c.usageError(err)
	}
	path, ok := pathOfPage(page)
	if !ok {
		return "", c.usageError(fmt.Errorf("%s: not the address of a workspace, project, experiment, artifact or model", arg),
			"write it as WORKSPACE[/PROJECT[/EXPERIMENT]]")
	}
	c.pages = append(c.pages, page)
	return path, nil
}

// pathOfPage returns the path of what a page shows.
func pathOfPage(page *url.URL) (path string, ok bool) {
	var parts []string
	for part := range strings.SplitSeq(page.EscapedPath(), "/") {
		name, err := url.PathUnescape(part)
		if err != nil {
			return "", false
		}
		if name != "" {
			parts = append(parts, name)
		}
	}
	if len(parts) > 1 {
		parts[1] = pathname.Escape(parts[1])
	}
	if len(parts) < 3 {
		return strings.Join(parts, "/"), len(parts) > 0
	}
	switch rest := parts[2:]; {
	case parts[1] == "artifacts" || parts[1] == "model-registry":
		rest[0] = pathname.Escape(rest[0])
		return strings.Join(parts[:min(len(parts), 4)], "/"), true
	case rest[0] == "view" || rest[0] == "archive" && len(rest) == 1:
		return strings.Join(parts[:2], "/"), true
	case rest[0] == "archive":
		parts[2], rest = rest[1], rest[1:]
		fallthrough
	default:
		return strings.Join(parts[:3], "/"), find.IsKey(rest[0])
	}
}

// checkPages makes sure that the pages in the arguments are those of the server:
// what a page of another one shows would be looked for in vain, or be found.
func (c *command) checkPages(endpoint *config.Endpoint) error {
	for _, page := range c.pages {
		if !strings.EqualFold(webHost(page), webHost(endpoint.URL)) {
			return c.usageError(fmt.Errorf("%s is a page of another server than %s (from %s)", page.Redacted(), endpoint.Address(), endpoint.URLFrom),
				"set address and key of that server, or write the path as WORKSPACE[/PROJECT[/EXPERIMENT]]")
		}
	}
	return nil
}

// webHost returns host and port of an address: comet.com and www.comet.com are one.
func webHost(u *url.URL) string { return strings.TrimPrefix(hostPort(u), "www.") }
