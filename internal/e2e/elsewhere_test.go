package e2e

import (
	"bytes"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// fromElsewhere returns a stream of what never was on a server, of the constructors
// of package stream.
func fromElsewhere(t *testing.T) []byte {
	t.Helper()
	experiment := stream.NewExperiment("lab", "runs", "0123456789abcdef0123456789abcdef", "first", epoch, epoch+5000)
	experiment.Tags = []string{"imported"}
	var out bytes.Buffer
	w := stream.NewWriter(&out, stream.WriterOptions{})
	for _, rec := range []stream.Record{
		stream.NewHeader("test", "https://elsewhere"),
		&stream.Plan{Projects: []stream.PlannedProject{{Workspace: "lab", Project: "runs"}}},
		stream.NewProject("lab", "runs", "made by hand", 2),
		experiment,
		&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{
			stream.NewValue("lr", "0.1", epoch), stream.NewValue("optimizer", "adam", epoch+1)}},
		&stream.Values{Of: stream.KindOthers, Values: []stream.Doc{stream.NewValue("note", "from a notebook", epoch)}},
		&stream.Text{Of: stream.KindCode, Data: []byte("import this\n")},
		&stream.Text{Of: stream.KindOutput, Data: []byte("done\n")},
		&stream.Metrics{Name: "loss", Points: []stream.Point{
			{Value: stream.FloatValue(0.5), Time: stream.NewInt64(epoch), Step: stream.NewInt64(1)},
			{Value: stream.FloatValue(0.25), Time: stream.NewInt64(epoch + 1), Step: stream.NewInt64(2), Epoch: stream.NewInt64(1), Context: stream.NewString("train")},
		}},
		stream.NewAsset("00000000000000000000000000000001", "model.bin", "asset", 3),
		&stream.Chunk{Data: []byte("abc")},
		&stream.AssetEnd{},
		stream.NewAsset("00000000000000000000000000000002", "plot.png", "image", 3),
		&stream.Chunk{Data: []byte("png")},
		&stream.AssetEnd{},
		stream.NewRemoteAsset("00000000000000000000000000000003", "set", "asset", "s3://bucket/set"),
		&stream.AssetEnd{},
		&stream.ExperimentEnd{},
		stream.NewExperiment("lab", "runs", "11111111111111111111111111111111", "bare", epoch+10, epoch+20),
		&stream.ExperimentEnd{},
	} {
		if err := w.Write(rec); err != nil {
			t.Fatalf("%s: %v", rec.Kind(), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A stream from elsewhere has the sums of what its import leaves, and a second
// import of it writes nothing.
func TestFromElsewhere(t *testing.T) {
	made := fromElsewhere(t)
	runFilter(made, "--check").want(t, cli.ExitOK)
	dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(dst, made, "--verify").want(t, cli.ExitOK)
	importAgain(t, dst, made)
	sameSums(t, made, runExport(dst, "lab/runs").want(t, cli.ExitOK).stdout)
}
