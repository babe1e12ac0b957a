package comet

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Registry are the calls of the model registry of a workspace.
type Registry struct{ conn *api.Conn }

// RegistryModel is a model of a workspace's registry.
type RegistryModel struct {
	Raw         json.RawMessage `wire:"."`
	ID          string          `wire:"registryModelId"`
	Name        string          `wire:"modelName"`
	Description *string         `wire:"description"`
	Public      *bool           `wire:"isPublic"`
	// Versions are in no certain order, and left out of Raw. A listing holds the
	// latest at most.
	Versions []RegistryVersion
}

func parseRegistryModel(data []byte) RegistryModel {
	m := wire.Parse[RegistryModel](data)
	if latest := wire.Member(data, "latestVersion"); !wire.IsNull(latest) {
		m.Versions = append(m.Versions, parseRegistryVersion(latest))
	}
	return m
}

// RegistryVersion is a version of a registry model.
type RegistryVersion struct {
	Raw     json.RawMessage `wire:"."`
	ID      string          `wire:"registryModelItemId"` // registryModelItemId
	Version string          `wire:"version"`
	Comment *string         `wire:"comment"`
	Stages  []string        `wire:"stages tags"`   // stages and tags are the same thing
	Status  *string         `wire:"status"`        // only from [Registry.Item]
	Key     string          `wire:"experimentKey"` // of the experiment that the model comes from
	Model   string          // its name there
	ModelID string
	Created *int64  `wire:"createdAt"` // milliseconds
	Assets  []Asset // only from [Registry.Model]
}

func parseRegistryVersion(data []byte) RegistryVersion {
	x := wire.Parse[RegistryVersion](data)
	// Clients differ on behalf of the name.
	source := wire.Parse[struct {
		ID   string `wire:"experimentModelId"`
		Name string `wire:"experimentModelName modelName"`
		Key  string `wire:"experimentKey"`
	}](wire.Member(data, "experimentModel"))
	x.ModelID, x.Model, x.Key = source.ID, source.Name, cmp.Or(source.Key, x.Key)
	wire.Elements(wire.Member(data, "assets"), func(v []byte) { x.Assets = append(x.Assets, parseAsset(v)) })
	return x
}

// Models returns the models of a workspace's registry.
func (c Registry) Models(ctx context.Context, workspace string) ([]RegistryModel, error) {
	return api.ListOf(ctx, c.conn, readRegistry, api.Query("workspaceName", workspace), nil, parseRegistryModel)
}

// Model returns a registry model with its versions and their assets.
func (c Registry) Model(ctx context.Context, workspace, name string) (*RegistryModel, error) {
	raw, versions, err := api.ListWithin(ctx, c.conn, readRegistryModel, api.Query("workspaceName", workspace, "modelName", name), parseRegistryVersion)
	if err != nil {
		return nil, err
	}
	m := parseRegistryModel(raw)
	m.Versions = append(versions, m.Versions...)
	return &m, nil
}

// Notes returns the notes of a registry model.
func (c Registry) Notes(ctx context.Context, workspace, name string) (*api.Text, error) {
	return c.conn.Text(ctx, readRegistryNotes, api.Query("workspaceName", workspace, "modelName", name))
}

// Item returns the details of a version, which include its status.
// Older servers answer [ErrUnsupported].
func (c Registry) Item(ctx context.Context, workspace, name, version string) (*RegistryVersion, error) {
	var item RegistryVersion
	exists := func() bool {
		_, err := c.Model(ctx, workspace, name)
		return err == nil
	}
	err := c.conn.Gated(ctx, featureRegistryItem, http.MethodGet, exists, func() error {
		data, err := c.conn.Get(ctx, readRegistryItem, "workspaceName", workspace, "modelName", name, "version", version)
		item = parseRegistryVersion(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &item, nil
}

// MetadataEntry is an entry of the metadata of a registry version.
type MetadataEntry struct {
	Raw   json.RawMessage `wire:"."` // {"key":…,"value":…}
	Key   string          `wire:"key"`
	Value json.RawMessage `wire:"value"`
}

// Metadata returns the metadata of a version by its id. Older servers
// answer [ErrUnsupported].
func (c Registry) Metadata(ctx context.Context, id string) ([]MetadataEntry, error) {
	var entries []MetadataEntry
	err := c.conn.Gated(ctx, featureRegistryMetadata, http.MethodGet, nil, func() (err error) {
		entries, err = api.ListOf(ctx, c.conn, readRegistryMetadata.Of(id), nil, nil, wire.Parse[MetadataEntry])
		return err
	})
	return entries, err
}

// StatusConfiguration is the rule for the status of a registry version.
type StatusConfiguration struct {
	Raw            json.RawMessage `wire:"."`
	Status         string          `wire:"status"`
	ReviewRequired bool            `wire:"isReviewRequired"`
	Comment        string          `wire:"comment"`
	Items          []MetadataEntry `wire:"statusConfiguration"`
}

// ParseStatusConfiguration reads the document of a rule.
func ParseStatusConfiguration(doc json.RawMessage) StatusConfiguration {
	return wire.Parse[StatusConfiguration](doc)
}

// StatusConfiguration returns the rule for the status of a version by its
// id, nil if it has none. Older servers answer [ErrUnsupported].
func (c Registry) StatusConfiguration(ctx context.Context, id string) (*StatusConfiguration, error) {
	var s StatusConfiguration
	err := c.conn.Gated(ctx, featureStatusConfiguration, http.MethodGet, nil, func() error {
		cl := readStatusConfiguration.Of(id).Call(nil)
		empty := 0
		cl.Check = func(data []byte) error {
			// An empty object says that there is none. It is also what a gateway may
			// say that knows nothing, so it is asked twice.
			hasMembers := false
			wire.Members(data, func(string, []byte) { hasMembers = true })
			if !hasMembers {
				empty++
			}
			if empty > 1 {
				return nil
			}
			return cl.Wants.Holds(data)
		}
		data, err := c.conn.Document(ctx, cl)
		s = ParseStatusConfiguration(data)
		return err
	})
	if err != nil || s.Status == "" {
		return nil, err
	}
	return &s, nil
}

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
	err = c.conn.Gated(ctx, featureRegistryCreate, http.MethodPost, c.modelExists(ctx, n.Key, n.Model), func() error {
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
		id, err = c.createdItem(ctx, featureRegistryCreate.Path, &o)
		return err
	})
	return id, err
}

// modelExists returns a function that looks for a model of an experiment.
func (c Registry) modelExists(ctx context.Context, key, name string) func() bool {
	return func() bool {
		list, err := Assets(c).Models(ctx, key)
		return err == nil && slices.ContainsFunc(list, func(m Model) bool { return m.Name == name })
	}
}

// CreateModel creates a registry model with its first version, under
// the terms of [Registry.CreateItem], on servers of any age.
func (c Registry) CreateModel(ctx context.Context, n NewRegistryVersion) (id string, err error) {
	o := n.classic()
	o.Bool("isPublic", n.Public)
	o.TextOrNone("description", n.Description)
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
	o.TextOrNone("comment", n.Comment)
	if n.Stages != nil {
		o.Texts("stages", n.Stages)
	}
	return o
}

func (c Registry) createdItem(ctx context.Context, path string, o *wire.Object) (id string, err error) {
	data, err := c.conn.Document(ctx, &api.Call{Method: http.MethodPost, Path: path, Body: api.JSONBody(o.Bytes()), Unsafe: true, Check: api.HasMembers("registryModelItemId")})
	if err != nil {
		return "", err
	}
	return wire.TextOrEmpty(wire.Member(data, "registryModelItemId")), nil
}

// UpdateModel changes description and visibility of a registry model;
// nil ones stay.
func (c Registry) UpdateModel(ctx context.Context, id string, description *string, public *bool) error {
	var o wire.Object
	o.Text("registryModelId", id)
	o.TextOrNone("description", description)
	o.BoolOrNone("isPublic", public)
	return c.conn.Post(ctx, "write/registry-model/update", &o)
}

// WriteNotes replaces the notes of a registry model.
func (c Registry) WriteNotes(ctx context.Context, workspace, name, notes string) error {
	var o wire.Object
	o.Text("workspaceName", workspace)
	o.Text("registryModelName", name)
	o.Text("notes", notes)
	return c.conn.Post(ctx, "write/registry-model/notes", &o)
}

// SetStatus sets the status of a version. Which values there are is
// the organisation's choice, and some need approval. Older servers answer
// [ErrUnsupported].
func (c Registry) SetStatus(ctx context.Context, id, status string) error {
	return c.conn.Gated(ctx, featureRegistryStatus, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Text("modelItemId", id)
		o.Text("status", status)
		return c.conn.Post(ctx, featureRegistryStatus.Path, &o)
	})
}

// WriteMetadata sets entries of the metadata of a version. Older
// servers answer [ErrUnsupported].
func (c Registry) WriteMetadata(ctx context.Context, id string, entries []MetadataEntry) error {
	return c.conn.Gated(ctx, featureRegistryMetadataWrite, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Raw("metadata", entryList(entries))
		return c.conn.Post(ctx, "write/registry-model/item/"+url.PathEscape(id)+"/metadata", &o)
	})
}

func entryList(entries []MetadataEntry) json.RawMessage {
	return wire.List(entries, func(o *wire.Object, e MetadataEntry) {
		o.Text("key", e.Key)
		o.Raw("value", e.Value)
	})
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
	return c.conn.Gated(ctx, featureStatusConfigurationWrite, http.MethodPost, nil, func() error {
		return c.conn.Ack(ctx, &api.Call{
			Method: http.MethodPost, Path: "write/registry-model/item/" + url.PathEscape(id) + "/status-configuration", Body: api.JSONBody(s.Doc()),
		})
	})
}
