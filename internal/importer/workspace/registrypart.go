package workspace

import (
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
)

// A versionPart is something of a version of a registry model that has calls of
// its own: it is written once the version is there.
type versionPart struct {
	name string
	// want returns what the stream has, nil for none.
	want func(v *modelVersion) (json.RawMessage, error)
	// read returns what the destination has, nil for none.
	read  func(ctx context.Context, c *comet.Client, id string) (json.RawMessage, error)
	same  func(want, have json.RawMessage) bool
	write func(ctx context.Context, v *modelVersion, id string, want json.RawMessage) error
}

var versionParts = []versionPart{
	{
		name: "metadata",
		want: (*modelVersion).metadata,
		read: func(ctx context.Context, c *comet.Client, id string) (json.RawMessage, error) {
			entries, err := c.Registry.Metadata(ctx, id)
			return metadataDoc(entries), err
		},
		same: document.Same,
		write: func(ctx context.Context, v *modelVersion, id string, _ json.RawMessage) error {
			entries, err := v.entries()
			if err != nil {
				return err
			}
			return v.m.r.Client.Registry.WriteMetadata(ctx, id, entries)
		},
	},
	{
		name: "status configuration",
		want: func(v *modelVersion) (json.RawMessage, error) {
			if v.rec.StatusConfiguration == nil {
				return nil, nil
			}
			doc, err := v.rec.StatusConfiguration.JSON()
			rule := comet.ParseStatusConfiguration(doc)
			return rule.Doc(), err
		},
		read: func(ctx context.Context, c *comet.Client, id string) (json.RawMessage, error) {
			rule, err := c.Registry.StatusConfiguration(ctx, id)
			if rule == nil {
				return nil, err
			}
			return rule.Doc(), err
		},
		same: document.SameServer,
		write: func(ctx context.Context, v *modelVersion, id string, want json.RawMessage) error {
			return v.writeStatusConfiguration(ctx, id, want)
		},
	},
}

// metadata returns the metadata of a version as an object.
func (v *modelVersion) metadata() (json.RawMessage, error) {
	entries, err := v.entries()
	return metadataDoc(entries), err
}

func (v *modelVersion) entries() ([]comet.MetadataEntry, error) {
	var list []comet.MetadataEntry
	for _, d := range v.rec.Metadata {
		var e struct {
			Key   document.Text   `json:"key"`
			Value json.RawMessage `json:"value"`
		}
		if err := document.Read(d, &e); err != nil {
			return nil, err
		}
		list = append(list, comet.MetadataEntry{Key: e.Key.V, Value: e.Value})
	}
	return list, nil
}

// metadataDoc makes an object of entries, nil of none.
func metadataDoc(entries []comet.MetadataEntry) json.RawMessage {
	if len(entries) == 0 {
		return nil
	}
	values := make(map[string]json.RawMessage, len(entries))
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	doc, err := json.Marshal(values)
	if err != nil {
		panic("importer: metadata: " + err.Error()) // they were valid
	}
	return doc
}

// writeStatusConfiguration sets the rule for the status. On some servers that
// sets the status too, which is then set again.
func (v *modelVersion) writeStatusConfiguration(ctx context.Context, id string, want json.RawMessage) error {
	c := v.m.r.Client
	rule := comet.ParseStatusConfiguration(want)
	if err := c.Registry.WriteStatusConfiguration(ctx, id, &rule); err != nil {
		return err
	}
	status := v.rec.Status
	if status == nil || *status == rule.Status {
		return nil
	}
	item, err := c.Registry.Item(ctx, v.m.target, v.m.rec.Name, v.rec.Version)
	if err != nil || item.Status == nil || *item.Status == *status {
		return err
	}
	return c.Registry.SetStatus(ctx, id, *status)
}
