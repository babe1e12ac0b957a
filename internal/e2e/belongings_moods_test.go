package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// belongingsMoods are servers of other ages and ways, and what of a team they do
// not have or take.
var belongingsMoods = map[string]struct {
	mood  comettest.Moods
	lacks func(*comettest.WorkspaceState)
}{
	"400 for 404":          {mood: comettest.Moods{BadRequestForMissing: true}},
	"fields absent":        {mood: comettest.Moods{OptionalFields: "absent"}},
	"text for numbers":     {mood: comettest.Moods{TextForNumbers: true}},
	"redirected downloads": {mood: comettest.Moods{RedirectDownloads: true}},
	"no version endpoint":  {mood: comettest.Moods{NoVersion: true}},
	"uploads to storage":   {mood: comettest.Moods{S3Upload: true}},
	"extras ignored":       {mood: comettest.Moods{IgnoreArtifactExtras: true}, lacks: withoutExtras},
	"version 4.18.132":     {mood: comettest.Moods{Version: "4.18.132"}, lacks: withoutMetadata},
	"version 3.12.25":      {mood: comettest.Moods{Version: "3.12.25"}, lacks: withoutMetadata},
	"version 3.5.41": {mood: comettest.Moods{Version: "3.5.41"}, lacks: func(w *comettest.WorkspaceState) {
		withoutMetadata(w)
		eachItem(w, func(i *comettest.RegistryItemState) { i.Status = "None" })
	}},
}

func eachItem(w *comettest.WorkspaceState, f func(*comettest.RegistryItemState)) {
	for i := range w.RegistryModels {
		for j := range w.RegistryModels[i].Versions {
			f(&w.RegistryModels[i].Versions[j])
		}
	}
}

// withoutMetadata is what a registry takes whose metadata cannot be written.
func withoutMetadata(w *comettest.WorkspaceState) {
	eachItem(w, func(i *comettest.RegistryItemState) { i.Metadata = map[string]json.RawMessage{} })
}

// withoutExtras is what a server takes of artifacts that has no more than the
// official clients write.
func withoutExtras(w *comettest.WorkspaceState) {
	for i := range w.Artifacts {
		a := &w.Artifacts[i]
		a.Description, a.Emoji, a.Public = nil, nil, false
		for j := range a.Versions {
			a.Versions[j].Note = nil
		}
	}
}

// A source of any age and mood gives all it has.
func TestBelongingsSourceMoods(t *testing.T) {
	for name, m := range belongingsMoods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := start(t, comettest.Options{Moods: m.mood}), start(t, comettest.Options{Workspaces: []string{"lab"}})
			seedTeam(src, 3000)
			before := whole(src)
			stream := runExport(src, "team").want(t, cli.ExitOK).stdout
			unchanged(t, "the source", before, whole(src))
			runImport(dst, stream, "lab").want(t, cli.ExitOK)
			want, got := workspaceState(src, "team"), workspaceState(dst, "lab")
			if m.mood.Version != "" { // others have what cannot be written
				m.lacks(want)
			}
			sameWorkspaceState(t, want, got)
		})
	}
}

// A destination of any age and mood takes what it can, once, and what it cannot
// is told.
func TestBelongingsDestinationMoods(t *testing.T) {
	src := start(t, comettest.Options{})
	seedTeam(src, 3000)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	for name, m := range belongingsMoods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst := start(t, comettest.Options{Moods: m.mood, Workspaces: []string{"lab"}})
			first := runImport(dst, stream, "lab")
			want, got := workspaceState(src, "team"), workspaceState(dst, "lab")
			switch {
			case m.lacks == nil:
				first.want(t, cli.ExitOK)
			case m.mood.IgnoreArtifactExtras:
				first.want(t, cli.ExitOK).says(t, "does not accept its description, emoji, visibility", "its note is missing at the destination")
			default:
				first.want(t, cli.ExitIncomplete).says(t, "missing: its metadata")
			}
			if m.lacks != nil {
				m.lacks(want)
			}
			sameWorkspaceState(t, want, got)

			before := whole(dst)
			dst.ResetStats()
			again := runImport(dst, stream, "lab").says(t, "nothing was written")
			if m.mood.Version != "" { // what cannot be read is not the same
				again.want(t, cli.ExitIncomplete).says(t, "missing: its metadata")
				runImport(dst, stream, "--verify-only", "lab").want(t, cli.ExitDiffers).says(t, "unverified: its metadata")
			}
			if n := writes(dst); len(n) > 0 && m.lacks == nil {
				t.Errorf("the second import writes: %v", n)
			}
			unchanged(t, "the destination", before, whole(dst))
		})
	}
}

// A server without the calls for something has none of it: that is told once by
// an export, and for each thing by an import.
func TestBelongingsWithoutCalls(t *testing.T) {
	full := start(t, comettest.Options{})
	seedTeam(full, 3000)
	stream := runExport(full, "team").want(t, cli.ExitOK).stdout
	for name, test := range map[string]struct {
		endpoints []string
		export    string
		missing   []string
		gone      func(want, got *comettest.WorkspaceState)
	}{
		"artifacts": {
			[]string{"artifacts/", "get/artifacts"}, "does not provide artifacts",
			[]string{`artifact-version "digits:10.0.0": missing`, `artifact-version "weights:4.0.0": missing`, `lineage "digits:1.0.0": missing`},
			func(want, _ *comettest.WorkspaceState) {
				want.Artifacts = []comettest.ArtifactState{}
				for i := range want.Projects {
					for j := range want.Projects[i].Experiments {
						e := &want.Projects[i].Experiments[j]
						e.InputArtifacts, e.OutputArtifacts = nil, nil
					}
				}
			},
		},
		"registry": {
			[]string{"registry-model"}, "does not provide registry models",
			[]string{`model-version "cnn:1.0.1": missing`, `model-version "rnn:0.1.0": missing`},
			func(want, _ *comettest.WorkspaceState) { want.RegistryModels = []comettest.RegistryModelState{} },
		},
		"panels": {
			[]string{"code-panel/", "template/"}, "does not provide panels",
			[]string{`panel "Scatter": missing`, `panel "Table": missing`},
			func(want, got *comettest.WorkspaceState) {
				want.Panels = []comettest.PanelState{}
				withoutViews(want) // whose panels go by other names
				withoutViews(got)
			},
		},
		"views": {
			[]string{"views/"}, "does not provide views",
			[]string{`view "Dashboard": missing`, `view "One alone": missing`},
			func(want, _ *comettest.WorkspaceState) { withoutViews(want) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := start(t, comettest.Options{Middleware: lacking(test.endpoints...)})
			seedTeam(src, 3000)
			r := runExport(src, "team").want(t, cli.ExitOK).says(t, test.export)
			if n := strings.Count(r.stderr, "the server does not provide"); n != 1 {
				t.Errorf("it is told %d times:\n%s", n, r.stderr)
			}
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}, Middleware: lacking(test.endpoints...)})
			runImport(dst, stream, "lab").want(t, cli.ExitIncomplete).says(t, test.missing...)
			want, got := workspaceState(full, "team"), workspaceState(dst, "lab")
			test.gone(want, got)
			sameWorkspaceState(t, want, got)
		})
	}
}

func withoutViews(w *comettest.WorkspaceState) {
	for i := range w.Projects {
		w.Projects[i].Views = []comettest.ViewState{}
	}
}
