package comet

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// authorized begins a body of the client library's family, which holds the
// key.
func (c *conn) authorized() *wire.Object {
	o := new(wire.Object)
	o.Text("apiKey", c.key)
	return o
}

// post writes to the REST API what is harmless to repeat.
func (c *conn) post(ctx context.Context, path string, o *wire.Object, given ...string) error {
	return c.ack(ctx, &call{method: http.MethodPost, path: path, body: jsonBody(o.Bytes()), given: given})
}

// postOnce writes to the REST API what must not be done twice.
func (c *conn) postOnce(ctx context.Context, path string, o *wire.Object) error {
	return c.ack(ctx, &call{method: http.MethodPost, path: path, body: jsonBody(o.Bytes()), unsafe: true})
}

func (c *conn) postClient(ctx context.Context, path string, o *wire.Object, given ...string) error {
	return c.ack(ctx, &call{method: http.MethodPost, family: familyClient, path: path, body: jsonBody(o.Bytes()), given: given})
}

// getAck makes one of the writes that the API has as GET.
func (c *conn) getAck(ctx context.Context, path string, query ...string) error {
	return c.ack(ctx, &call{method: http.MethodGet, path: path, query: values(query...)})
}

// postText sends an object with one more member, a text.
func (c *conn) postText(ctx context.Context, cl call, o *wire.Object, name string, text Content) (err error) {
	cl.method = http.MethodPost
	if cl.body, err = bodyWith(o, name, text); err != nil {
		return err
	}
	return c.ack(ctx, &cl)
}

// altAck writes where the Python SDK writes, and where that place is missing,
// to the documented one.
func (c *conn) altAck(ctx context.Context, cl *call) error {
	const place = "clientlib/rest/v2/"
	if has, known := c.features.known(place); !known || has {
		alt := *cl
		alt.family = familyAlt
		err := c.ack(ctx, &alt)
		if e, ok := errors.AsType[*Error](err); ok && !known {
			e.seemsToLack(place)
		}
		if !errors.Is(err, ErrUnsupported) {
			if err == nil {
				c.features.learn(place, true)
			}
			return err
		}
		c.features.learn(place, false)
	}
	return c.ack(ctx, cl)
}

// nonEmpty returns nil for an empty text.
func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func now() int64 { return time.Now().UnixMilli() }
