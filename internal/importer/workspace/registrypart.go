package workspace

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// parts are what has calls of its own: it is written once the version is there.
func (v *modelVersion) parts(existing *comet.RegistryVersion) (rows []row, err error) {
	id, calls := existing.ID, v.m.r.Client.Registry
	entries, err := v.entries()
	if err != nil {
		return nil, err
	}
	if want := metadataDoc(entries); want != nil {
		rows = append(rows, v.part("metadata", func(have json.RawMessage) bool { return document.Same(want, have) },
			func(ctx context.Context) (json.RawMessage, error) {
				entries, err := calls.Metadata(ctx, id)
				return metadataDoc(entries), err
			}, func(ctx context.Context) error { return calls.WriteMetadata(ctx, id, entries) }))
	}
	if v.rec.StatusConfiguration == nil {
		return rows, nil
	}
	doc, err := v.rec.StatusConfiguration.JSON()
	want := comet.ParseStatusConfiguration(doc)
	return append(rows, v.part("status configuration", func(have json.RawMessage) bool { return document.SameServer(want.Doc(), have) },
		func(ctx context.Context) (json.RawMessage, error) {
			rule, err := calls.StatusConfiguration(ctx, id)
			if rule == nil {
				return nil, err
			}
			return rule.Doc(), err
		}, func(ctx context.Context) error { return v.writeStatusConfiguration(ctx, id, &want) })), err
}

func (v *modelVersion) part(name string, same func(have json.RawMessage) bool,
	read func(context.Context) (json.RawMessage, error), write func(context.Context) error,
) row {
	return rowOf(&reconcile.Item[json.RawMessage]{
		Read:     read,
		NotGiven: func(err error) []report.Issue { return v.notGiven(name, err) },
		Compare: func(have json.RawMessage) []reconcile.Difference {
			if same(have) {
				return nil
			}
			return []reconcile.Difference{v.differing(name, have == nil)}
		},
		Write:   func(ctx context.Context, _ reconcile.Found[json.RawMessage]) error { return write(ctx) },
		Refused: func(err error) { v.missing(fmt.Sprintf("its %s: %v", name, err)) },
	})
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
func (v *modelVersion) writeStatusConfiguration(ctx context.Context, id string, rule *comet.StatusConfiguration) error {
	c := v.m.r.Client
	if err := c.Registry.WriteStatusConfiguration(ctx, id, rule); err != nil {
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
