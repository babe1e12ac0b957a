package comet

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Registry are the calls of the model registry of a workspace.
type Registry struct{ conn *conn }

// RegistryModel is a model of a workspace's registry.
type RegistryModel struct {
	Raw         json.RawMessage
	ID          string
	Name        string
	Description *string
	Public      *bool
	// Versions are in no certain order, and left out of Raw. A listing holds the
	// latest at most.
	Versions []RegistryVersion
}

func parseRegistryModel(data []byte) RegistryModel {
	m := RegistryModel{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "registryModelId":
			m.ID = wire.TextOrEmpty(v)
		case "modelName":
			m.Name = wire.TextOrEmpty(v)
		case "description":
			m.Description = wire.TextOf(v)
		case "isPublic":
			m.Public = wire.BoolOf(v)
		case "latestVersion":
			if !wire.IsNull(v) {
				m.Versions = append(m.Versions, parseRegistryVersion(v))
			}
		}
	})
	return m
}

// RegistryVersion is a version of a registry model.
type RegistryVersion struct {
	Raw     json.RawMessage
	ID      string // registryModelItemId
	Version string
	Comment *string
	Stages  []string // stages and tags are the same thing
	Status  *string  // only from [Registry.Item]
	Key     string   // of the experiment that the model comes from
	Model   string   // its name there
	ModelID string
	Assets  []Asset // only from [Registry.Model]
}

func parseRegistryVersion(data []byte) RegistryVersion {
	x := RegistryVersion{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "registryModelItemId":
			x.ID = wire.TextOrEmpty(v)
		case "version":
			x.Version = wire.TextOrEmpty(v)
		case "comment":
			x.Comment = wire.TextOf(v)
		case "stages", "tags":
			if list := wire.TextsOf(v); list != nil {
				x.Stages = list
			}
		case "status":
			x.Status = wire.TextOf(v)
		case "experimentKey":
			x.Key = wire.TextOrEmpty(v)
		case "experimentModel":
			x.source(v)
		case "assets":
			wire.Elements(v, func(v []byte) { x.Assets = append(x.Assets, parseAsset(v)) })
		}
	})
	return x
}

// source reads where the model of a version comes from. Clients differ in the
// name of the name.
func (x *RegistryVersion) source(data []byte) {
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "experimentModelId":
			x.ModelID = wire.TextOrEmpty(v)
		case "experimentModelName", "modelName":
			x.Model = wire.TextOrEmpty(v)
		case "experimentKey":
			x.Key = wire.TextOrEmpty(v)
		}
	})
}

// Models returns the models of a workspace's registry.
func (c Registry) Models(ctx context.Context, workspace string) ([]RegistryModel, error) {
	return listOf(ctx, c.conn, readRegistry, values("workspaceName", workspace), nil, parseRegistryModel)
}

// Model returns a registry model with its versions and their assets.
func (c Registry) Model(ctx context.Context, workspace, name string) (*RegistryModel, error) {
	raw, versions, err := documentAround(ctx, c.conn, readRegistryModel, values("workspaceName", workspace, "modelName", name), parseRegistryVersion)
	if err != nil {
		return nil, err
	}
	m := parseRegistryModel(raw)
	m.Versions = append(versions, m.Versions...)
	return &m, nil
}

// Notes returns the notes of a registry model.
func (c Registry) Notes(ctx context.Context, workspace, name string) (*Text, error) {
	return c.conn.text(ctx, readRegistryNotes, values("workspaceName", workspace, "modelName", name))
}

// Item returns the details of a version, which include its status.
// Older servers answer [ErrUnsupported].
func (c Registry) Item(ctx context.Context, workspace, name, version string) (*RegistryVersion, error) {
	var item RegistryVersion
	exists := func() bool {
		_, err := c.Model(ctx, workspace, name)
		return err == nil
	}
	err := c.conn.gated(ctx, featureRegistryItem, http.MethodGet, exists, func() error {
		data, err := c.conn.get(ctx, readRegistryItem, "workspaceName", workspace, "modelName", name, "version", version)
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
	Raw   json.RawMessage // {"key":…,"value":…}
	Key   string
	Value json.RawMessage
}

// Metadata returns the metadata of a version by its id. Older servers
// answer [ErrUnsupported].
func (c Registry) Metadata(ctx context.Context, id string) ([]MetadataEntry, error) {
	var entries []MetadataEntry
	err := c.conn.gated(ctx, featureRegistryMetadata, http.MethodGet, nil, func() (err error) {
		entries, err = listOf(ctx, c.conn, readRegistryMetadata.of(id), nil, nil, parseEntry)
		return err
	})
	return entries, err
}

// StatusConfiguration is the rule for the status of a registry version.
type StatusConfiguration struct {
	Raw            json.RawMessage
	Status         string
	ReviewRequired bool
	Comment        string
	Items          []MetadataEntry
}

// ParseStatusConfiguration reads the document of a rule.
func ParseStatusConfiguration(doc json.RawMessage) StatusConfiguration {
	s := StatusConfiguration{Raw: doc}
	wire.Members(doc, func(name string, v []byte) {
		switch name {
		case "status":
			s.Status = wire.TextOrEmpty(v)
		case "isReviewRequired":
			s.ReviewRequired = wire.IsTrue(v)
		case "comment":
			s.Comment = wire.TextOrEmpty(v)
		case "statusConfiguration":
			s.Items = metadataEntries(v)
		}
	})
	return s
}

func metadataEntries(list []byte) (entries []MetadataEntry) {
	wire.Elements(list, func(v []byte) { entries = append(entries, parseEntry(v)) })
	return entries
}

func parseEntry(v []byte) MetadataEntry {
	return MetadataEntry{Raw: v, Key: wire.TextOrEmpty(wire.Member(v, "key")), Value: wire.Member(v, "value")}
}

// StatusConfiguration returns the rule for the status of a version by its
// id, nil if it has none. Older servers answer [ErrUnsupported].
func (c Registry) StatusConfiguration(ctx context.Context, id string) (*StatusConfiguration, error) {
	var s StatusConfiguration
	err := c.conn.gated(ctx, featureStatusConfiguration, http.MethodGet, nil, func() error {
		cl := readStatusConfiguration.of(id).call(nil)
		empty := 0
		cl.check = func(data []byte) error {
			// An empty object says that there is none. It is also what a gateway may
			// say that knows nothing, so it is asked twice.
			any := false
			wire.Members(data, func(string, []byte) { any = true })
			if !any {
				empty++
			}
			if empty > 1 {
				return nil
			}
			return cl.wants.holds(data)
		}
		data, err := c.conn.document(ctx, cl)
		s = ParseStatusConfiguration(data)
		return err
	})
	if err != nil || s.Status == "" {
		return nil, err
	}
	return &s, nil
}

// History returns what has happened to a version, as the server tells
// it. Older servers answer [ErrUnsupported].
func (c Registry) History(ctx context.Context, id string) (json.RawMessage, error) {
	var history json.RawMessage
	err := c.conn.gated(ctx, featureRegistryHistory, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Text("registryModelItemId", id)
		o.Text("groupedBy", "DAY")
		data, err := c.conn.document(ctx, &call{
			method: http.MethodPost, path: readRegistryHistory.path, about: readRegistryHistory.about, body: jsonBody(o.Bytes()), reads: true,
		})
		history = data
		return err
	})
	return history, err
}
