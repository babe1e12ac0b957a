package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/stream"
)

// FuzzImport imports good streams whose documents, names and texts are any: it
// must not crash, and the summary must balance. What the format rules out is
// the matter of package stream.
func FuzzImport(f *testing.F) {
	for i, doc := range []string{
		`{"name":"lr","valueCurrent":"1","valueMin":"0.1","timestampCurrent":5,"filePath":"/x.py"}`,
		`{"name":5,"valueCurrent":{"a":[]},"timestampCurrent":"soon","metadata":"{","dir":"models/m","step":"1"}`,
		`{"metadata":"{\"a\":1}","dir":[],"step":1e99,"epoch":-1,"runContext":null,"filePath":null}`,
		`{"hostname":"box","totalRam":"x","os":{},"pid":-0.5,"user":"\u0000","root":[],"branch":7}`, `{}`,
	} {
		f.Add([]byte(doc), "loss", "confusion-matrix", []byte(`{"assetId":"`+testID(1)+`"}`), uint8(i))
	}
	f.Add([]byte(`{}`), "", "image", []byte{}, uint8(5))
	srv := comettest.Start(f, comettest.Options{Workspaces: []string{"team"}})
	c, err := comet.New(comet.Options{
		URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
		Retry: comet.Retry{Base: time.Millisecond, Cap: time.Millisecond, MaxElapsed: time.Second},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte, name, kind string, data []byte, how uint8) {
		text := anyStream(t, doc, name, kind, data, how)
		if text == nil {
			return
		}
		o := Options{To: place.Project{Workspace: "team"}, Settle: time.Microsecond, TempDir: t.TempDir(), Direct: smallParts}
		o.Mode, o.Update, o.Verify = Mode(how%3), how&8 != 0, how&16 != 0
		if how&32 != 0 {
			o.Keys = place.KeysDerive
		}
		sum, _ := Import(t.Context(), t.Context(), bytes.NewReader(text), c, o)
		if n := sum.Created + sum.Completed + sum.AlreadyThere + sum.Elsewhere + sum.Failed; n != sum.Read {
			t.Errorf("the balance is wrong: %+v", sum)
		}
	})
}

// anyStream returns a stream with a document, a name and a text wherever it has
// room for one, nil if the format does not take them.
func anyStream(t *testing.T, text []byte, name, kind string, data []byte, how uint8) []byte {
	t.Helper()
	doc, err := stream.DocFromJSON(text)
	if err != nil || len(data) > stream.MaxData {
		return nil
	}
	key := testKey(int(how % 4))
	s := newScript(t, sourceURL)
	values := []stream.Doc{doc}
	size := int64(len(data))
	records := []stream.Record{
		&stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{}},
		&stream.Project{Workspace: "w", Name: "p" + name, Experiments: 1, Doc: doc},
		&stream.Experiment{Key: key, Workspace: "w", Project: "p" + name, Doc: doc, Name: &name, Tags: []string{name}, Start: new(int64(how))},
		&stream.Values{Of: stream.KindParameters, Values: values}, &stream.Values{Of: stream.KindOthers, Values: values},
		&stream.Document{Of: stream.KindSystem, Doc: doc}, &stream.Document{Of: stream.KindGit, Doc: doc},
		&stream.Metrics{Name: name, Points: []stream.Point{{Value: stream.TextValue(kind)}}},
		&stream.Asset{ID: testID(int(how)), Name: &name, Type: &kind, Size: &size, Doc: doc},
	}
	if size > 0 {
		records = append(records, &stream.Chunk{Data: data})
	}
	records = append(records, &stream.AssetEnd{Size: size, SHA256: hashOf(data)}, &stream.ExperimentEnd{Key: key},
		&stream.Notes{Workspace: "w", Project: "p" + name, Data: data})
	for _, rec := range records {
		if s.w.Write(rec) != nil {
			return nil
		}
	}
	return s.close()
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
