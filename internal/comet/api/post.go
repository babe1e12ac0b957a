package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Authorized begins a body of the client library's family, which holds the key.
func (c *Conn) Authorized() *wire.Object {
	o := new(wire.Object)
	o.Text("apiKey", c.Key)
	return o
}

// Post writes to the REST API what is harmless to repeat.
func (c *Conn) Post(ctx context.Context, path string, o *wire.Object, given ...string) error {
	return c.Ack(ctx, &Call{Method: http.MethodPost, Path: path, Body: JSONBody(o.Bytes()), Given: given})
}

// PostOnce writes to the REST API what must not be done twice.
func (c *Conn) PostOnce(ctx context.Context, path string, o *wire.Object) error {
	return c.Ack(ctx, &Call{Method: http.MethodPost, Path: path, Body: JSONBody(o.Bytes()), Unsafe: true})
}

// PostClient is [Conn.Post] in the client library's family.
func (c *Conn) PostClient(ctx context.Context, path string, o *wire.Object, given ...string) error {
	return c.Ack(ctx, &Call{Method: http.MethodPost, Family: FamilyClient, Path: path, Body: JSONBody(o.Bytes()), Given: given})
}

// GetAck makes one of the writes that the API has as GET.
func (c *Conn) GetAck(ctx context.Context, path string, query ...string) error {
	return c.Ack(ctx, &Call{Method: http.MethodGet, Path: path, Query: Query(query...)})
}

// PostText sends an object with one more member, a text.
func (c *Conn) PostText(ctx context.Context, cl Call, o *wire.Object, name string, text Content) (err error) {
	cl.Method = http.MethodPost
	if cl.Body, err = bodyWith(o, name, text); err != nil {
		return err
	}
	return c.Ack(ctx, &cl)
}

// AltAck writes where the Python SDK writes, and where that place is missing,
// to the documented one.
func (c *Conn) AltAck(ctx context.Context, cl *Call) error {
	if has, known := c.Server.Known(HasSDKWrites); !known || has {
		alt := *cl
		alt.Family = familyAlt
		err := c.Ack(ctx, &alt)
		if e, ok := errors.AsType[*Error](err); ok && !known {
			e.seemsToLack(HasSDKWrites)
		}
		if !errors.Is(err, ErrUnsupported) {
			if err == nil {
				c.Server.Learn(HasSDKWrites, true)
			}
			return err
		}
		c.Server.Learn(HasSDKWrites, false)
	}
	return c.Ack(ctx, cl)
}
