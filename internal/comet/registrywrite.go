package comet

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// NewRegistryVersion describes a version of a registry model to be created.
// The workspace is that of the experiment. Versions should be created oldest
// first.
type NewRegistryVersion struct {
	Name        string  // of the registry model
	Description *string // of the registry model, when it is created
	Public      bool    // likewise
	Version     string  // semantic
	Comment     *string
	Stages      []string
	Status      *string // only on newer servers

	// Key and Model name the model of an experiment, ModelID is its id.
	// Older servers want the id, newer ones the names.
	Key, Model string
	ModelID    string
}

// CreateItem creates a version, and the model with its first one.
// Older servers answer [ErrUnsupported]; there it is [Registry.CreateModel]
// and [Registry.AddVersion]. The call is not safe to do twice, see
// [ErrUncertain].
func (c Registry) CreateItem(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	err = c.conn.gated(ctx, featureRegistryCreate, http.MethodPost, c.modelExists(ctx, n.Key, n.Model), func() error {
		var o wire.Object
		o.Text("experimentKey", n.Key)
		o.Text("experimentModelName", n.Model)
		o.Text("registryModelName", n.Name)
		o.TextOrNull("registryModelDescription", n.Description)
		o.Text("version", n.Version)
		o.TextOrNull("versionComment", n.Comment)
		o.Texts("tags", n.Stages)
		o.TextOrNull("status", n.Status)
		o.Bool("publicModel", n.Public)
		id, err = c.createdItem(ctx, featureRegistryCreate.path, &o)
		return err
	})
	return id, err
}

// modelExists returns a function that looks for a model of an experiment.
func (c Registry) modelExists(ctx context.Context, key, name string) func() bool {
	return func() bool {
		list, err := Assets{c.conn}.Models(ctx, key)
		return err == nil && slices.ContainsFunc(list, func(m Model) bool { return m.Name == name })
	}
}

// CreateModel creates a registry model with its first version, under
// the terms of [Registry.CreateItem], on servers of any age.
func (c Registry) CreateModel(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	o := n.classic()
	o.Bool("isPublic", n.Public)
	if n.Description != nil {
		o.Text("description", *n.Description)
	}
	return c.createdItem(ctx, "write/registry-model", o)
}

// AddVersion adds a version to a registry model that exists, under the
// terms of [Registry.CreateItem], on servers of any age.
func (c Registry) AddVersion(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	return c.createdItem(ctx, "write/registry-model/item", n.classic())
}

// classic lays out what both older calls have. Unset fields are left out.
func (n *NewRegistryVersion) classic() *wire.Object {
	o := new(wire.Object)
	o.Text("experimentModelId", n.ModelID)
	o.Text("registryModelName", n.Name)
	o.Text("version", n.Version)
	if n.Comment != nil {
		o.Text("comment", *n.Comment)
	}
	if n.Stages != nil {
		o.Texts("stages", n.Stages)
	}
	return o
}

func (c Registry) createdItem(ctx context.Context, path string, o *wire.Object) (id string, err error) {
	data, err := c.conn.document(ctx, &call{method: http.MethodPost, path: path, body: jsonBody(o.Bytes()), unsafe: true, check: has("registryModelItemId")})
	if err != nil {
		return "", err
	}
	return wire.TextOrEmpty(wire.Member(data, "registryModelItemId")), nil
}

// UpdateVersion changes comment and stages of a version; nil ones stay.
func (c Registry) UpdateVersion(ctx context.Context, id string, comment *string, stages []string) error {
	var o wire.Object
	o.Text("registryModelItemId", id)
	if comment != nil {
		o.Text("comment", *comment)
	}
	if stages != nil {
		o.Texts("stages", stages)
	}
	return c.conn.post(ctx, "write/registry-model/item/update", &o)
}

// UpdateModel changes description and visibility of a registry model;
// nil ones stay.
func (c Registry) UpdateModel(ctx context.Context, id string, description *string, public *bool) error {
	var o wire.Object
	o.Text("registryModelId", id)
	if description != nil {
		o.Text("description", *description)
	}
	if public != nil {
		o.Bool("isPublic", *public)
	}
	return c.conn.post(ctx, "write/registry-model/update", &o)
}

// WriteNotes replaces the notes of a registry model.
func (c Registry) WriteNotes(ctx context.Context, workspace, name, notes string) error {
	var o wire.Object
	o.Text("workspaceName", workspace)
	o.Text("registryModelName", name)
	o.Text("notes", notes)
	return c.conn.post(ctx, "write/registry-model/notes", &o)
}

// SetStatus sets the status of a version. Which values there are is
// the organisation's choice, and some need approval. Older servers answer
// [ErrUnsupported].
func (c Registry) SetStatus(ctx context.Context, id, status string) error {
	return c.conn.gated(ctx, featureRegistryStatus, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Text("modelItemId", id)
		o.Text("status", status)
		return c.conn.post(ctx, featureRegistryStatus.path, &o)
	})
}

// WriteMetadata sets entries of the metadata of a version. Older
// servers answer [ErrUnsupported].
func (c Registry) WriteMetadata(ctx context.Context, id string, entries []MetadataEntry) error {
	return c.conn.gated(ctx, featureRegistryMetadataWrite, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Raw("metadata", entryList(entries))
		return c.conn.post(ctx, "write/registry-model/item/"+url.PathEscape(id)+"/metadata", &o)
	})
}

func entryList(entries []MetadataEntry) json.RawMessage {
	list := json.RawMessage{'['}
	for i, e := range entries {
		if i > 0 {
			list = append(list, ',')
		}
		var o wire.Object
		o.Text("key", e.Key)
		o.Raw("value", e.Value)
		list = append(list, o.Bytes()...)
	}
	return append(list, ']')
}

// Doc returns what of a rule a client can write.
func (s *StatusConfiguration) Doc() json.RawMessage {
	var o wire.Object
	o.Text("status", s.Status)
	o.Bool("isReviewRequired", s.ReviewRequired)
	o.Raw("statusConfiguration", entryList(s.Items))
	if s.Comment != "" {
		o.Text("comment", s.Comment)
	}
	return o.Bytes()
}

// WriteStatusConfiguration sets the rule for the status of a version, which may
// set the status too. Older servers answer [ErrUnsupported].
func (c Registry) WriteStatusConfiguration(ctx context.Context, id string, s *StatusConfiguration) error {
	return c.conn.gated(ctx, featureStatusConfigurationWrite, http.MethodPost, nil, func() error {
		return c.conn.ack(ctx, &call{
			method: http.MethodPost, path: "write/registry-model/item/" + url.PathEscape(id) + "/status-configuration", body: jsonBody(s.Doc()),
		})
	})
}

// AddStage adds a stage, which newer servers call a tag, to a version.
func (c Registry) AddStage(ctx context.Context, id, stage string) error {
	return c.conn.getAck(ctx, "write/registry-model/item/stage", "modelItemId", id, "stage", stage)
}

// DeleteStage removes a stage from a version.
func (c Registry) DeleteStage(ctx context.Context, id, stage string) error {
	return c.conn.getAck(ctx, "write/registry-model/item/stage/delete", "modelItemId", id, "stage", stage)
}
