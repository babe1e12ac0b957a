package comet

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
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

// CreateRegistryItem creates a version, and the model with its first one.
// Older servers answer [ErrUnsupported]; there it is [Client.CreateRegistryModel]
// and [Client.AddRegistryVersion]. The call is not safe to do twice, see
// [ErrUncertain].
func (c *Client) CreateRegistryItem(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	err = c.gated(ctx, featureRegistryCreate, http.MethodPost, c.modelExists(ctx, n.Key, n.Model), func() error {
		var o object
		o.text("experimentKey", n.Key)
		o.text("experimentModelName", n.Model)
		o.text("registryModelName", n.Name)
		o.textOrNull("registryModelDescription", n.Description)
		o.text("version", n.Version)
		o.textOrNull("versionComment", n.Comment)
		o.texts("tags", n.Stages)
		o.textOrNull("status", n.Status)
		o.bool("publicModel", n.Public)
		id, err = c.createdItem(ctx, featureRegistryCreate.path, &o)
		return err
	})
	return id, err
}

// modelExists returns a function that looks for a model of an experiment.
func (c *Client) modelExists(ctx context.Context, key, name string) func() bool {
	return func() bool {
		list, err := c.Models(ctx, key)
		return err == nil && slices.ContainsFunc(list, func(m Model) bool { return m.Name == name })
	}
}

// CreateRegistryModel creates a registry model with its first version, under
// the terms of [Client.CreateRegistryItem], on servers of any age.
func (c *Client) CreateRegistryModel(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	o := n.classic()
	o.bool("isPublic", n.Public)
	if n.Description != nil {
		o.text("description", *n.Description)
	}
	return c.createdItem(ctx, "write/registry-model", o)
}

// AddRegistryVersion adds a version to a registry model that exists, under the
// terms of [Client.CreateRegistryItem], on servers of any age.
func (c *Client) AddRegistryVersion(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	return c.createdItem(ctx, "write/registry-model/item", n.classic())
}

// classic lays out what both older calls have. Unset fields are left out.
func (n *NewRegistryVersion) classic() *object {
	o := new(object)
	o.text("experimentModelId", n.ModelID)
	o.text("registryModelName", n.Name)
	o.text("version", n.Version)
	if n.Comment != nil {
		o.text("comment", *n.Comment)
	}
	if n.Stages != nil {
		o.texts("stages", n.Stages)
	}
	return o
}

func (c *Client) createdItem(ctx context.Context, path string, o *object) (id string, err error) {
	data, err := c.document(ctx, &call{method: http.MethodPost, path: path, body: jsonBody(o.bytes()), unsafe: true, check: has("registryModelItemId")})
	if err != nil {
		return "", err
	}
	return textOrEmpty(member(data, "registryModelItemId")), nil
}

// UpdateRegistryVersion changes comment and stages of a version; nil ones stay.
func (c *Client) UpdateRegistryVersion(ctx context.Context, id string, comment *string, stages []string) error {
	var o object
	o.text("registryModelItemId", id)
	if comment != nil {
		o.text("comment", *comment)
	}
	if stages != nil {
		o.texts("stages", stages)
	}
	return c.post(ctx, "write/registry-model/item/update", &o)
}

// UpdateRegistryModel changes description and visibility of a registry model;
// nil ones stay.
func (c *Client) UpdateRegistryModel(ctx context.Context, id string, description *string, public *bool) error {
	var o object
	o.text("registryModelId", id)
	if description != nil {
		o.text("description", *description)
	}
	if public != nil {
		o.bool("isPublic", *public)
	}
	return c.post(ctx, "write/registry-model/update", &o)
}

// WriteRegistryNotes replaces the notes of a registry model.
func (c *Client) WriteRegistryNotes(ctx context.Context, workspace, name, notes string) error {
	var o object
	o.text("workspaceName", workspace)
	o.text("registryModelName", name)
	o.text("notes", notes)
	return c.post(ctx, "write/registry-model/notes", &o)
}

// SetRegistryStatus sets the status of a version. Which values there are is
// the organisation's choice, and some need approval. Older servers answer
// [ErrUnsupported].
func (c *Client) SetRegistryStatus(ctx context.Context, id, status string) error {
	return c.gated(ctx, featureRegistryStatus, http.MethodPost, nil, func() error {
		var o object
		o.text("modelItemId", id)
		o.text("status", status)
		return c.post(ctx, featureRegistryStatus.path, &o)
	})
}

// WriteRegistryMetadata sets entries of the metadata of a version. Older
// servers answer [ErrUnsupported].
func (c *Client) WriteRegistryMetadata(ctx context.Context, id string, entries []MetadataEntry) error {
	return c.gated(ctx, featureRegistryMetadataWrite, http.MethodPost, nil, func() error {
		var o object
		o.raw("metadata", entryList(entries))
		return c.post(ctx, "write/registry-model/item/"+url.PathEscape(id)+"/metadata", &o)
	})
}

func entryList(entries []MetadataEntry) json.RawMessage {
	list := json.RawMessage{'['}
	for i, e := range entries {
		if i > 0 {
			list = append(list, ',')
		}
		var o object
		o.text("key", e.Key)
		o.raw("value", e.Value)
		list = append(list, o.bytes()...)
	}
	return append(list, ']')
}

// Doc returns what of a rule a client can write.
func (s *StatusConfiguration) Doc() json.RawMessage {
	var o object
	o.text("status", s.Status)
	o.bool("isReviewRequired", s.ReviewRequired)
	o.raw("statusConfiguration", entryList(s.Items))
	if s.Comment != "" {
		o.text("comment", s.Comment)
	}
	return o.bytes()
}

// WriteStatusConfiguration sets the rule for the status of a version, which may
// set the status too. Older servers answer [ErrUnsupported].
func (c *Client) WriteStatusConfiguration(ctx context.Context, id string, s *StatusConfiguration) error {
	return c.gated(ctx, featureStatusConfigurationWrite, http.MethodPost, nil, func() error {
		return c.ack(ctx, &call{
			method: http.MethodPost, path: "write/registry-model/item/" + url.PathEscape(id) + "/status-configuration", body: jsonBody(s.Doc()),
		})
	})
}

// AddRegistryStage adds a stage, which newer servers call a tag, to a version.
func (c *Client) AddRegistryStage(ctx context.Context, id, stage string) error {
	return c.getAck(ctx, "write/registry-model/item/stage", "modelItemId", id, "stage", stage)
}

// DeleteRegistryStage removes a stage from a version.
func (c *Client) DeleteRegistryStage(ctx context.Context, id, stage string) error {
	return c.getAck(ctx, "write/registry-model/item/stage/delete", "modelItemId", id, "stage", stage)
}
