package comet

import (
	"context"
	"net/http"
)

// ShareLinks returns how many share links a project has. A code of one lets in
// whoever holds it, so that none leaves this method. Servers that do not tell
// answer [ErrUnsupported].
func (c *Client) ShareLinks(ctx context.Context, projectID string) (int64, error) {
	var codes []byte
	exists := func() bool {
		_, err := c.ProjectByID(ctx, projectID)
		return err == nil
	}
	err := c.gated(ctx, featureShareLinks, http.MethodGet, exists, func() error {
		data, err := c.get(ctx, featureShareLinks.path, "projectId", projectID)
		codes = member(data, "shareCodes")
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case len(codes) == 0 || codes[0] != '[':
		// Of this project alone: another may have links to tell of.
		return 0, &Error{
			Method: http.MethodGet, Path: c.shownPath(&call{path: featureShareLinks.path}), Status: http.StatusOK,
			Msg: "the answer has no list of share codes", endpointMissing: true,
		}
	}
	var n int64
	elements(codes, func([]byte) { n++ })
	return n, nil
}

// AddShareLink makes one more share link of a project, with a code that the
// server chooses. It is not safe to do twice, see [ErrUncertain].
func (c *Client) AddShareLink(ctx context.Context, projectID string) error {
	return c.ack(ctx, &call{
		method: http.MethodGet,
		path:   "write/project/add-share-link",
		query:  values("projectId", projectID),
		unsafe: true,
		given:  []string{"shareCode"},
	})
}
