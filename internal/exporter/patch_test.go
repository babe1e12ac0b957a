package exporter

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// What stands beside a patch in its zip file is named, and the patch is carried.
func TestPatchBeside(t *testing.T) {
	var file bytes.Buffer
	zw := zip.NewWriter(&file)
	for _, name := range []string{"git_diff.patch", "submodule.patch"} {
		w, err := zw.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("diff --git a/x b/x\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Name: "run", GitPatch: file.Bytes()})
	all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	var got []string
	for _, rec := range all {
		switch rec := rec.(type) {
		case *stream.Text:
			if rec.Of == stream.KindGitPatch {
				got = append(got, string(rec.Data))
			}
		case *stream.Skipped:
			got = append(got, "skipped "+string(rec.Of)+" "+*rec.Name)
		}
	}
	if diff := cmp.Diff([]string{"diff --git a/x b/x\n", "skipped git-patch submodule.patch"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
