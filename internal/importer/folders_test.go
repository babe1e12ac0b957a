package importer

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The folder of a model is left out of the names of its files. Where it is not in
// all of them, those that lose it are told, each time.
func TestModelFolders(t *testing.T) {
	names := func(list ...string) testProject {
		p := manyPoints(0)
		for i, name := range list {
			p.experiments[0].Assets = append(p.experiments[0].Assets,
				comettest.AssetSpec{ID: testID(i), Name: name, Type: "model-element", Model: "cnn", Body: []byte(name)})
		}
		return p
	}
	c := newClient(t, newServer(t, comettest.Options{}))
	importTo(t, c, streamOf(t, names("models/cnn/a", "models/cnn/b")), Options{Verify: true}).succeed(t)

	data := streamOf(t, names("models/cnn/a", "a", "models/cnn/b", "models/other/c"))
	c = newClient(t, newServer(t, comettest.Options{}))
	for _, o := range []Options{{Verify: true}, {}, {Mode: VerifyOnly}} {
		r := importTo(t, c, data, o)
		var got []string
		for _, i := range r.issues() {
			got = append(got, strings.Join(strings.SplitN(i, ":", 3)[:2], ":"))
		}
		class := "differs"
		if o.Mode == VerifyOnly {
			class = "unverified"
		}
		if d := gocmp.Diff([]string{`asset "models/cnn/a": ` + class, `asset "models/cnn/b": ` + class}, got); d != "" || r.err != nil {
			t.Errorf("%v, issues (-want +got): %s", r.err, d)
		}
	}
}
