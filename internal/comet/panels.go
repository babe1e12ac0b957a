package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Panels are the calls of the custom panels of a workspace.
type Panels struct{ conn *api.Conn }

// Panel is a custom panel of a workspace.
type Panel struct {
	Raw   json.RawMessage `wire:"."`
	ID    string          `wire:"templateId"`
	Name  string          `wire:"templateName"`
	Scope string          `wire:"scopeType"`
}

// List returns the custom panels of a workspace.
func (c Panels) List(ctx context.Context, workspace string) ([]Panel, error) {
	return api.ListOf(ctx, c.conn, readPanels, api.Query("workspace", workspace), nil, wire.Parse[Panel])
}

// File returns the zip file of a panel, which [Panels.Upload] takes.
func (c Panels) File(ctx context.Context, id string) (*api.Text, error) {
	cl := readPanelFile.Of(id).Call(nil)
	cl.Want = api.WantBytes
	return c.conn.OpenText(ctx, cl, func(resp *http.Response) (io.Reader, error) {
		head, whole, err := readHead(resp)
		switch {
		case err != nil:
			return nil, err
		case !bytes.HasPrefix(head, []byte("PK")):
			return nil, errNotZip
		case !whole:
			return &endOfZip{r: io.MultiReader(bytes.NewReader(head), resp.Body)}, nil
		}
		if err := wholeZip(head); err != nil {
			return nil, fmt.Errorf("zip file of the panel: %w", err)
		}
		return bytes.NewReader(head), nil
	})
}

// Upload writes a panel, over the one with the given id if it is not
// empty, and returns its id. Without an id the call is not safe to do twice,
// see [ErrUncertain].
func (c Panels) Upload(ctx context.Context, workspace, id string, file api.Content) (string, error) {
	form := &api.Form{File: file.Open, Size: file.Size}
	data, err := c.conn.Document(ctx, &api.Call{
		Method: http.MethodPost,
		Path:   "write/template/upload",
		Query:  api.Query("teamName", workspace, "templateId", id),
		Body:   form.Body(),
		Unsafe: id == "",
		Check:  api.HasMembers("templateId"),
	})
	if err != nil {
		return "", err
	}
	return wire.TextOrEmpty(wire.Member(data, "templateId")), nil
}
