package comet

import (
	"context"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// ShareLinks returns how many share links a project has. A code of one lets in
// whoever holds it, so that none leaves this method. Servers that do not tell
// answer [ErrUnsupported].
func (c Projects) ShareLinks(ctx context.Context, projectID string) (int64, error) {
	var n int64
	exists := func() bool {
		_, err := c.ByID(ctx, projectID)
		return err == nil
	}
	err := c.conn.gated(ctx, featureShareLinks, http.MethodGet, exists, func() error {
		data, err := c.conn.get(ctx, readShareLinks, "projectId", projectID)
		wire.Elements(wire.Member(data, "shareCodes"), func([]byte) { n++ })
		return err
	})
	return n, err
}

// AddShareLink makes one more share link of a project, with a code that the
// server chooses. It is not safe to do twice, see [ErrUncertain].
func (c Projects) AddShareLink(ctx context.Context, projectID string) error {
	return c.conn.ack(ctx, &call{
		method: http.MethodGet,
		path:   "write/project/add-share-link",
		query:  values("projectId", projectID),
		unsafe: true,
		given:  []string{"shareCode"},
	})
}
